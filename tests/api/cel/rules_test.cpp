#include "api/cel/rules.hpp"
#include "api/cel/schema_types.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using namespace thespis::api::cel;

namespace {

std::string joined(const std::vector<cause>& causes) {
  std::string out;
  for (const auto& c : causes)
    out += (out.empty() ? "" : "\n") + c.field + ": " + c.message;
  return out;
}

std::string compile_only(const char* schema) {
  std::vector<cause> causes;
  rule_set::compile(*json::parse(schema), "schema", causes);
  return joined(causes);
}

/// What judging `doc` by the rules of a schema tells; `old` is "" on creation.
std::string judge(const char* schema, const char* doc, const char* old = "",
                  std::vector<std::string>* warnings = nullptr) {
  std::vector<cause> causes;
  auto rules = rule_set::compile(*json::parse(schema), "schema", causes);
  BOOST_TEST_REQUIRE(causes.empty(), joined(causes));
  BOOST_TEST_REQUIRE(rules != nullptr);
  auto now = *json::parse(doc);
  if (*old == '\0') {
    rules->validate(now, nullptr, causes, warnings);
  } else {
    auto before = *json::parse(old);
    rules->validate(now, &before, causes, warnings);
  }
  return joined(causes);
}

constexpr auto scale = R"j({"type":"object","properties":{"spec":{"type":"object",
  "x-kubernetes-validations":[
    {"rule":"self.minReplicas <= self.replicas","message":"too few"},
    {"rule":"self.replicas <= self.maxReplicas",
     "messageExpression":"'at most %d'.format([self.maxReplicas])",
               "fieldPath" : ".replicas", "reason" : "FieldValueForbidden"
}],
  "properties":{
  "replicas" : {"type" : "integer"}, "minReplicas" : {"type" : "integer"}, "maxReplicas" : {
    "type" : "integer"
  }
}
}
}
})j";

} // namespace

BOOST_AUTO_TEST_SUITE(cel_rules)

BOOST_AUTO_TEST_CASE(escapes_names) {
  BOOST_TEST(escape_name("foo").value() == "foo");
  BOOST_TEST(escape_name("a-b.c/d").value() == "a__dash__b__dot__c__slash__d");
  BOOST_TEST(escape_name("a__b").value() == "a__underscores__b");
  BOOST_TEST(escape_name("namespace").value() == "__namespace__");
  BOOST_TEST(!escape_name("1a"));
  BOOST_TEST(!escape_name("a b"));
}

BOOST_AUTO_TEST_CASE(judges_objects) {
  BOOST_TEST(judge(scale, R"j({"spec":{"replicas":3,"minReplicas":1,"maxReplicas":5}})j") == "");
  BOOST_TEST(judge(scale, R"j({"spec":{"replicas":0,"minReplicas":1,"maxReplicas":5}})j") ==
             "spec: Invalid value: \"object\": too few");
  BOOST_TEST(judge(scale, R"j({"spec":{"replicas":9,"minReplicas":1,"maxReplicas":5}})j") ==
             "spec.replicas: Forbidden: at most 5");
  BOOST_TEST(judge(scale, R"j({"spec":{"replicas":9}})j") ==
             "spec: Invalid value: \"object\": no such key: minReplicas evaluating rule: too few\n"
             "spec: Invalid value: \"object\": no such key: maxReplicas evaluating rule: "
             "self.replicas <= self.maxReplicas");
}

BOOST_AUTO_TEST_CASE(sees_the_standard_fields_of_roots) {
  constexpr auto schema = R"j({"type":"object","x-kubernetes-validations":[
    {"rule":"self.metadata.name.startsWith('a') && self.kind == 'Foo'"}],"properties":{}})j";
  BOOST_TEST(judge(schema, R"j({"kind":"Foo","metadata":{"name":"abc"}})j") == "");
  BOOST_TEST(judge(schema, R"j({"kind":"Foo","metadata":{"name":"xyz"}})j") ==
             ": Invalid value: \"object\": failed rule: self.metadata.name.startsWith('a') && "
             "self.kind == 'Foo'");
}

BOOST_AUTO_TEST_CASE(judges_items_and_values) {
  constexpr auto schema = R"j({"type":"object","properties":{
    "ports":{"type":"array","maxItems":8,"items":{"type":"integer",
      "x-kubernetes-validations":[{"rule":"self > 0","message":"must be positive"}]}},
    "labels":{"type":"object","maxProperties":8,"additionalProperties":{"type":"string",
      "maxLength":16,"x-kubernetes-validations":[{"rule":"self != 'bad'","message":"is bad"}]}},
    "when":{"type":"string","format":"date-time","x-kubernetes-validations":[
      {"rule":"self < timestamp('2030-01-01T00:00:00Z')","message":"too late"}]
}
}
})j";
  BOOST_TEST(judge(schema, R"j({"ports":[1,0],"labels":{"a":"bad","b":"good"},
                              "when":"2031-01-01T00:00:00Z"})j") ==
             "ports[1]: Invalid value: \"integer\": must be positive\n"
             "labels[a]: Invalid value: \"string\": is bad\n"
             "when: Invalid value: \"string\": too late");
}

BOOST_AUTO_TEST_CASE(judges_transitions_where_old_values_correlate) {
  constexpr auto schema = R"j({"type":"object","properties":{
    "name":{"type":"string","maxLength":10,"x-kubernetes-validations":[
      {"rule":"self == oldSelf","message":"is immutable"}]},
    "count":{"type":"integer","x-kubernetes-validations":[
      {"rule":"!oldSelf.hasValue() || self >= oldSelf.value()","optionalOldSelf":true,
       "message":"may only grow"}]
}
, "items" : {
  "type" : "array",
           "maxItems" : 9,
           "x-kubernetes-list-type" : "map",
                                      "x-kubernetes-list-map-keys" : ["key"],
                                                                     "items" : {
    "type" : "object",
             "properties"
        : {"key" : {"type" : "string", "maxLength" : 9}, "n" : {"type" : "integer"}},
          "x-kubernetes-validations" : [ {"rule" : "self.n >= oldSelf.n", "message" : "fell"} ]
  }
}
}
})j";
  BOOST_TEST(judge(schema, R"j({"name":"a","count":1})j") == "");
  BOOST_TEST(judge(schema,
                   R"j({"name":"b","count":0,"items":[{"key":"y","n":1},{"key":"x","n":1}]})j",
                   R"j({"name":"a","count":1,"items":[{"key":"x","n":2}]})j") ==
             "name: Invalid value: \"string\": is immutable\n"
             "count: Invalid value: \"integer\": may only grow\n"
             "items[1]: Invalid value: \"object\": fell");
}

BOOST_AUTO_TEST_CASE(warns_of_what_was_wrong_before) {
  constexpr auto schema = R"j({"type":"object","properties":{"a":{"type":"integer",
    "x-kubernetes-validations":[{"rule":"self > 0","message":"must be positive"}]},
    "b":{"type":"integer"}}})j";
  std::vector<std::string> warnings;
  BOOST_TEST(judge(schema, R"j({"a":0,"b":2})j", R"j({"a":0,"b":1})j", &warnings) == "");
  BOOST_TEST_REQUIRE(warnings.size() == 1u);
  BOOST_TEST(warnings[0] == "a: Invalid value: \"integer\": must be positive");
  BOOST_TEST(judge(schema, R"j({"a":-1,"b":1})j", R"j({"a":0,"b":1})j") ==
             "a: Invalid value: \"integer\": must be positive");
}

BOOST_AUTO_TEST_CASE(tells_what_is_wrong_with_rules) {
  BOOST_TEST(compile_only(R"j({"type":"object","properties":{"n":{"type":"integer",
      "x-kubernetes-validations":[{"rule":"self == true"}]}}})j") ==
             "schema.properties[n].x-kubernetes-validations[0].rule: Invalid value: "
             "apiextensions.ValidationRule{Rule:\"self == true\", Message:\"\", "
             "MessageExpression:\"\", Reason:(*apiextensions.FieldValueErrorReason)(nil), "
             "FieldPath:\"\", OptionalOldSelf:(*bool)(nil)}: compilation failed: ERROR: "
             "<input>:1:6: found no matching overload for '_==_' applied to '(int, bool)'\n | self "
             "== true\n | .....^");
  BOOST_TEST(compile_only(R"j({"type":"object","x-kubernetes-validations":[{"rule":" "},
      {"rule":"true","message":" "},{"rule":"true","reason":"Odd"}]})j") ==
             "schema.x-kubernetes-validations[0].rule: Required value: rule is not specified\n"
             "schema.x-kubernetes-validations[1].message: Invalid value: \" \": message must be "
             "non-empty if specified\n"
             "schema.x-kubernetes-validations[2].reason: Unsupported value: \"Odd\": supported "
             "values: \"FieldValueRequired\", \"FieldValueForbidden\", \"FieldValueInvalid\", "
             "\"FieldValueDuplicate\"");
  BOOST_TEST(
      compile_only(R"j({"type":"object","properties":{"l":{"type":"array","maxItems":3,
      "items":{"type":"integer","x-kubernetes-validations":[{"rule":"self == oldSelf"}]}}}})j") ==
      "schema.properties[l].items.x-kubernetes-validations[0].rule: Invalid value: \"self == "
      "oldSelf\": oldSelf cannot be used on the uncorrelatable portion of the schema within "
      "schema.properties[l]");
}

BOOST_AUTO_TEST_CASE(refuses_rules_that_may_cost_too_much) {
  constexpr auto unbounded = R"j({"type":"object","properties":{"l":{"type":"array",
      "items":{"type":"string"},
      "x-kubernetes-validations":[{"rule":"self.all(a, self.all(b, a == b))"}]
}
}
})j";
  auto text = compile_only(unbounded);
  BOOST_TEST(text.starts_with(
      "schema.properties[l].x-kubernetes-validations[0].rule: Forbidden: estimated rule cost "
      "exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, "
      "maxProperties, and maxLength where arrays, maps, and strings are declared)"));
  BOOST_TEST(text.find("schema: Forbidden: x-kubernetes-validations estimated rule cost total for "
                       "entire OpenAPIv3 schema exceeds budget by factor of more than 100x") !=
             std::string::npos);
  BOOST_TEST(compile_only(R"j({"type":"object","properties":{"l":{"type":"array","maxItems":10,
      "items":{"type":"string","maxLength":10},
      "x-kubernetes-validations":[{"rule":"self.all(a, self.all(b, a == b))"
  }]
  }
  }
  })j") == "");
  BOOST_TEST(compile_only(R"j({"type":"object","properties":{"l":{"type":"array",
      "items":{"type":"object","properties":{"s":{"type":"string"}},
      "x-kubernetes-validations":[{"rule":"self.s.contains('some text') || true"}]}}}})j")
                 .find("estimated rule cost exceeds budget") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(stops_at_the_budget_of_an_object) {
  std::string doc = "{\"l\":[";
  for (int n = 0; n < 200; ++n)
    doc += (n == 0 ? "" : ",") + std::to_string(n);
  doc += "]}";
  constexpr auto schema = R"j({"type":"object","properties":{"l":{"type":"array","maxItems":200,
      "items":{"type":"integer"},
      "x-kubernetes-validations":[{"rule":"self.all(a, self.all(b, self.exists(c, c == 199)))"
  }]
  }
  }
  })j";
  std::vector<cause> causes;
  auto rules = rule_set::compile(*json::parse(schema), "schema", causes);
  BOOST_TEST(!causes.empty());
  causes.clear();
  rules->validate(*json::parse(doc), nullptr, causes);
  BOOST_TEST(joined(causes) ==
             "l: Invalid value: \"array\": 'operation cancelled: actual cost limit exceeded': no "
             "further validation rules will be run due to call cost exceeds limit for rule: "
             "self.all(a, self.all(b, self.exists(c, c == 199)))");
}

BOOST_AUTO_TEST_SUITE_END()
