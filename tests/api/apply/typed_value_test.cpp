#include "api/apply/support.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>

using namespace thespis::api;
using namespace thespis::api::testing;

BOOST_AUTO_TEST_SUITE(typed_values)

apply::object_type deployment() {
  return builtin_type("apps", "v1", "Deployment");
}
apply::object_type service() {
  return builtin_type("", "v1", "Service");
}
apply::object_type pod() {
  return builtin_type("", "v1", "Pod");
}
apply::object_type config_map() {
  return builtin_type("", "v1", "ConfigMap");
}

struct set_row {
  apply::object_type type;
  const char* object;
  const char* set;
};

BOOST_AUTO_TEST_CASE(have_sets_of_what_they_give_a_value_to) {
  const set_row rows[] = {
      {deployment(), R"({"spec":{"replicas":1}})", R"({"f:spec":{"f:replicas":{}}})"},
      // Map entries are members, declared fields that lead to others are not.
      {deployment(), R"({"metadata":{"labels":{"a":"1"}}})",
       R"({"f:metadata":{"f:labels":{"f:a":{}}}})"},
      {deployment(), R"({"metadata":{"labels":{}},"spec":{"paused":null}})",
       R"({"f:metadata":{"f:labels":{}},"f:spec":{"f:paused":{}}})"},
      // Atomic: the selector as a whole.
      {deployment(), R"({"spec":{"selector":{"matchLabels":{"a":"1"}}}})",
       R"({"f:spec":{"f:selector":{}}})"},
      {deployment(),
       R"({"spec":{"template":{"spec":{"containers":[{"name":"b","args":["x","y"]},{"name":"a"}]}}}})",
       R"({"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{".":{},"f:name":{}},"k:{\"name\":\"b\"}":{".":{},"f:args":{},"f:name":{}}}}}}})"},
      // A key with a default may be left out.
      {service(), R"({"spec":{"ports":[{"port":80}]}})",
       R"({"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{}}}}})"},
      {pod(), R"({"metadata":{"finalizers":["b","a"]}})",
       R"({"f:metadata":{"f:finalizers":{"v:\"a\"":{},"v:\"b\"":{}}}})"},
      // An item that is there twice is one member.
      {pod(), R"({"metadata":{"finalizers":["a","a"]}})",
       R"({"f:metadata":{"f:finalizers":{"v:\"a\"":{}}}})"},
      {config_map(), R"({"data":{"a":"1"},"immutable":true})",
       R"({"f:data":{"f:a":{}},"f:immutable":{}})"},
      // Empty lists of items own nothing.
      {pod(), R"({"spec":{"containers":[]}})", R"({})"},
      // Without a schema.
      {{nullptr, true},
       R"({"a":{"b":[{"c":1}],"d":{}},"e":null})",
       R"({"f:a":{".":{},"f:b":{},"f:d":{}},"f:e":{}})"},
  };
  for (const auto& r : rows)
    BOOST_TEST(text_of(to_field_set(r.type, doc_of(r.object))) == r.set);
}

struct compare_row {
  apply::object_type type;
  const char* before;
  const char* after;
  const char* added;
  const char* modified;
  const char* removed;
};

BOOST_AUTO_TEST_CASE(are_compared) {
  const compare_row rows[] = {
      {config_map(), R"({"data":{"a":"1","b":"2"}})", R"({"data":{"b":"3","c":"4"}})",
       R"({"f:data":{"f:c":{}}})", R"({"f:data":{"f:b":{}}})", R"({"f:data":{"f:a":{}}})"},
      // What comes or goes whole, comes and goes with its containers.
      {config_map(), R"({})", R"({"data":{"a":"1"}})", R"({"f:data":{".":{},"f:a":{}}})", "{}",
       "{}"},
      {config_map(), R"({"data":{"a":"1"}})", R"({})", "{}", "{}",
       R"({"f:data":{".":{},"f:a":{}}})"},
      {pod(), R"({"spec":{"containers":[{"name":"a","image":"x"}]}})",
       R"({"spec":{"containers":[{"name":"b","image":"y"},{"name":"a","image":"y"}]}})",
       R"({"f:spec":{"f:containers":{"k:{\"name\":\"b\"}":{".":{},"f:image":{},"f:name":{}}}}})",
       R"({"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{"f:image":{}}}}})", "{}"},
      // Order alone is no difference, but in atomic lists.
      {pod(), R"({"spec":{"containers":[{"name":"a"},{"name":"b"}]}})",
       R"({"spec":{"containers":[{"name":"b"},{"name":"a"}]}})", "{}", "{}", "{}"},
      {pod(), R"({"spec":{"containers":[{"name":"a","args":["1","2"]}]}})",
       R"({"spec":{"containers":[{"name":"a","args":["2","1"]}]}})", "{}",
       R"({"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{"f:args":{}}}}})", "{}"},
      {pod(), R"({"metadata":{"managedFields":[{}]}})", R"({"metadata":{"managedFields":[]}})",
       "{}", "{}", "{}"},
      // Twice before and after, twice only before, twice only after.
      {pod(), R"({"metadata":{"finalizers":["a","a","b","b"]}})",
       R"({"metadata":{"finalizers":["a","b","b","b"]}})",
       R"({"f:metadata":{"f:finalizers":{"v:\"a\"":{}}}})",
       R"({"f:metadata":{"f:finalizers":{"v:\"b\"":{}}}})",
       R"({"f:metadata":{"f:finalizers":{"v:\"a\"":{}}}})"},
      // An untyped value that changes its kind.
      {{nullptr, true},
       R"({"a":{"b":1}})",
       R"({"a":5})",
       "{}",
       R"({"f:a":{}})",
       R"({"f:a":{"f:b":{}}})"},
      {{nullptr, true},
       R"({"a":5})",
       R"({"a":{"b":1}})",
       R"({"f:a":{"f:b":{}}})",
       R"({"f:a":{}})",
       "{}"},
      {deployment(), R"({"spec":{"selector":{"matchLabels":{"a":"1"}}}})",
       R"({"spec":{"selector":{"matchLabels":{"a":"2"}}}})", "{}",
       R"({"f:spec":{"f:selector":{}}})", "{}"},
  };
  for (const auto& r : rows) {
    const auto c = apply::compare(r.type, doc_of(r.before), doc_of(r.after));
    BOOST_TEST_CONTEXT(r.before << " to " << r.after) {
      BOOST_TEST(text_of(c.added) == r.added);
      BOOST_TEST(text_of(c.modified) == r.modified);
      BOOST_TEST(text_of(c.removed) == r.removed);
      BOOST_TEST(!c.broken);
    }
  }
  BOOST_TEST(
      apply::compare(pod(), doc_of(R"({"spec":{"containers":[{"image":"a"}]}})"), doc_of("{}"))
          .broken);
}

struct merge_row {
  apply::object_type type;
  const char* live;
  const char* config;
  const char* merged;
};

std::string containers(std::string_view names) {
  std::string out = R"({"spec":{"containers":[)";
  for (char c : names)
    out += std::string(out.back() == '[' ? "" : ",") + R"({"name":")" + c + R"("})";
  return out + "]}}";
}

BOOST_AUTO_TEST_CASE(are_merged) {
  const merge_row rows[] = {
      {config_map(), R"({"data":{"a":"1","b":"2"}})", R"({"data":{"b":"3","c":"4"}})",
       R"({"data":{"a":"1","b":"3","c":"4"}})"},
      {config_map(), R"({"data":{"a":"1"}})", R"({"data":null})", R"({"data":{"a":"1"}})"},
      {config_map(), R"({"immutable":true})", R"({"immutable":null})", R"({"immutable":null})"},
      {config_map(), R"({})", R"({"data":{}})", R"({"data":{}})"},
      {deployment(), R"({"spec":{"selector":{"matchLabels":{"a":"1"}}}})",
       R"({"spec":{"selector":{"matchLabels":{"b":"2"}}}})",
       R"({"spec":{"selector":{"matchLabels":{"b":"2"}}}})"},
      {pod(), R"({"spec":{"containers":[{"name":"a","image":"x","args":["1"]}]}})",
       R"({"spec":{"containers":[{"name":"a","args":["2"]}]}})",
       R"({"spec":{"containers":[{"name":"a","image":"x","args":["2"]}]}})"},
      {pod(), R"({"metadata":{"finalizers":["a","b"]}})",
       R"({"metadata":{"finalizers":["c","b"]}})", R"({"metadata":{"finalizers":["a","c","b"]}})"},
      {{nullptr, true},
       R"({"a":[1,2],"b":{"c":1}})",
       R"({"a":[3],"b":{"d":2}})",
       R"({"a":[3],"b":{"c":1,"d":2}})"},
      {{nullptr, true}, R"({"a":{"b":1}})", R"({"a":5})", R"({"a":5})"},
      {{nullptr, true}, R"({"a":5})", R"({"a":{"b":1}})", R"({"a":{"b":1}})"},
  };
  for (const auto& r : rows) {
    auto doc = doc_of(r.live);
    apply::merge(r.type, doc, doc_of(r.config), doc.GetAllocator());
    BOOST_TEST(json::to_string(doc) == r.merged);
  }
}

/// Shared items take the order of the configuration, others stay where their neighbours are.
BOOST_AUTO_TEST_CASE(order_merged_lists) {
  const char* rows[][3] = {
      {"abc", "abc", "abc"},    {"abc", "cba", "cba"},  {"abc", "b", "abc"},
      {"", "ab", "ab"},         {"ab", "cd", "abcd"},   {"abc", "acd", "abcd"},
      {"xaybz", "ba", "xybza"}, {"abcd", "dc", "abdc"}, {"abc", "xaybzc", "xaybzc"},
      {"aXb", "ba", "Xba"},
  };
  for (const auto& r : rows) {
    auto doc = doc_of(containers(r[0]));
    const auto config = doc_of(containers(r[1]));
    apply::merge(pod(), doc, config, doc.GetAllocator());
    BOOST_TEST(json::to_string(doc) == containers(r[2]));
  }
}

struct remove_row {
  const char* object;
  const char* what;
  const char* left;
};

BOOST_AUTO_TEST_CASE(lose_what_is_removed) {
  const remove_row rows[] = {
      {R"({"spec":{"nodeName":"n","hostname":"h"}})", R"({"f:spec":{"f:nodeName":{}}})",
       R"({"spec":{"hostname":"h"}})"},
      {R"({"kind":"Pod","spec":{"nodeName":"n"}})", R"({"f:spec":{"f:nodeName":{}}})",
       R"({"kind":"Pod"})"},
      {R"({"spec":{"containers":[{"name":"a"},{"name":"b"}]}})",
       R"({"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{}}}})",
       R"({"spec":{"containers":[{"name":"b"}]}})"},
      {R"({"spec":{"containers":[{"name":"a","image":"x"}]}})",
       R"({"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{"f:image":{}}}}})",
       R"({"spec":{"containers":[{"name":"a"}]}})"},
      {R"({"metadata":{"finalizers":["a","b","a"]}})",
       R"({"f:metadata":{"f:finalizers":{"v:\"a\"":{}}}})", R"({"metadata":{"finalizers":["b"]}})"},
      {R"({"spec":{"hostname":"h"}})", R"({"f:spec":{"f:other":{}}})",
       R"({"spec":{"hostname":"h"}})"},
  };
  for (const auto& r : rows) {
    auto doc = doc_of(r.object);
    apply::remove(pod(), doc, set_of(r.what));
    BOOST_TEST(json::to_string(doc) == r.left);
  }
}

BOOST_AUTO_TEST_CASE(name_the_fields_that_lead_to_members) {
  BOOST_TEST(text_of(with_named_fields(
                 deployment(), set_of(R"({"f:metadata":{"f:labels":{"f:a":{"f:odd":{}}}}})"))) ==
             R"({"f:metadata":{".":{},"f:labels":{".":{},"f:a":{"f:odd":{}}}}})");
}

BOOST_AUTO_TEST_CASE(follow_a_schema_that_became_atomic) {
  BOOST_TEST(
      text_of(reconciled(
          deployment(),
          set_of(R"({"f:spec":{"f:replicas":{},"f:selector":{"f:matchLabels":{"f:a":{}}}}})"))) ==
      R"({"f:spec":{"f:replicas":{},"f:selector":{}}})");
}

struct check_row {
  const char* config;
  const char* why;
};

BOOST_AUTO_TEST_CASE(are_checked_before_they_are_applied) {
  const check_row rows[] = {
      {R"({"spec":{"replicas":1,"template":{"metadata":{"labels":{"a":"b"}}}}})", ""},
      {R"({"spec":{"replica":1}})", ".spec.replica: field not declared in schema"},
      {R"({"spec":{"replicas":"1"}})",
       ".spec.replicas: expected numeric (int or float), got string"},
      {R"({"spec":{"paused":"yes"}})", ".spec.paused: expected boolean, got &{yes}"},
      {R"({"metadata":{"labels":{"a":5}}})",
       ".metadata.labels.a: expected string, got &value.valueUnstructured{Value:5}"},
      {R"({"spec":[]})", ".spec: expected map, got &{[]}"},
      {R"({"spec":{"template":{"spec":{"containers":{"a":1}}}}})",
       ".spec.template.spec.containers: expected list, got &{map[a:1]}"},
      {R"({"spec":{"template":{"spec":{"containers":[{"image":"a"}]}}}})",
       ".spec.template.spec.containers: element 0: associative list with keys has an element that "
       "omits key field \"name\" (and doesn't have default value)"},
      {R"({"spec":{"template":{"spec":{"containers":[{"name":"a","ports":[{"containerPort":80},{"containerPort":80}]}]}}}})",
       ".spec.template.spec.containers[name=\"a\"].ports: duplicate entries for key "
       "[containerPort=80,protocol=\"TCP\"]"},
      {R"({"metadata":{"finalizers":["a","a"]}})",
       ".metadata.finalizers: duplicate entries for key [=\"a\"]"},
      {R"({"metadata":{"finalizers":[null]}})",
       ".metadata.finalizers: element 0: associative list without keys has an element that's an "
       "explicit null"},
      {R"({"a":1,"b":2})",
       "errors:\n  .a: field not declared in schema\n  .b: field not declared in schema"},
  };
  for (const auto& r : rows)
    BOOST_TEST(check_applied(deployment(), doc_of(r.config)) == r.why);
}

/// A thousand items, and a megabyte in ten thousand entries, cost time in proportion.
BOOST_AUTO_TEST_CASE(stay_linear) {
  const auto time_of = [](int n) {
    std::string list = R"({"spec":{"containers":[)";
    std::string data = R"({"data":{)";
    for (int i = 0; i < n; ++i) {
      list += std::string(i ? "," : "") + R"({"name":"c)" + std::to_string(i) + R"(","image":"i"})";
      data += std::string(i ? "," : "") + "\"k" + std::to_string(i) + "\":\"" +
              std::string(100, 'x') + "\"";
    }
    list += "]}}";
    data += "}}";
    const auto begin = std::chrono::steady_clock::now();
    for (const auto& [type, text] : {std::pair{pod(), list}, {config_map(), data}}) {
      owned_object o{type, "v1"};
      BOOST_TEST(o.apply("one", text) == "");
      BOOST_TEST(o.apply("two", text) == "");
      BOOST_TEST(o.apply("one", "{}") == "");
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  const double small = std::max(time_of(1000), 0.01);
  const double large = time_of(10'000);
  BOOST_TEST(large < 40 * small);
}

BOOST_AUTO_TEST_SUITE_END()
