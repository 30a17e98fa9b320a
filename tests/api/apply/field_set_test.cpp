#include "api/apply/support.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using namespace thespis::api::testing;
using apply::field_set;
using apply::path_element;

BOOST_AUTO_TEST_SUITE(field_sets)

BOOST_AUTO_TEST_CASE(keep_their_notation_and_order) {
  const std::string texts[] = {
      R"({})",
      R"({"f:a":{},"f:b":{".":{},"f:c":{}}})",
      R"({"f:ports":{".":{},"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:name":{}}}})",
      R"({"f:finalizers":{"v:\"a\"":{},"v:\"b\"":{}},"i:0":{},"i:12":{}})",
      R"({"v:-2":{},"v:-1.5":{},"v:0":{},"v:1":{},"v:1.5":{},"v:9007199254740993":{},"v:\"a\"":{},"v:false":{},"v:true":{},"v:null":{}})",
  };
  for (const auto& text : texts)
    BOOST_TEST(text_of(set_of(text)) == text);
  // Other orders read the same and are written in Kubernetes' order: fields, keys, values, indices.
  BOOST_TEST(
      text_of(set_of(R"({"i:1":{},"v:2":{},"k:{\"b\":1,\"a\":2}":{},"f:x":{"f:y":{},".":{}}})")) ==
      R"({"f:x":{".":{},"f:y":{}},"k:{\"a\":2,\"b\":1}":{},"v:2":{},"i:1":{}})");
}

BOOST_AUTO_TEST_CASE(order_numbers_by_value) {
  BOOST_TEST(text_of(set_of(R"({"v:10":{},"v:9":{},"v:-10":{},"v:2.5":{}})")) ==
             R"({"v:-10":{},"v:2.5":{},"v:9":{},"v:10":{}})");
  BOOST_CHECK(set_of(R"({"v:1.0":{}})") == set_of(R"({"v:1":{}})"));
}

BOOST_AUTO_TEST_CASE(print_paths_as_messages_do) {
  const auto s = set_of(
      R"({"f:spec":{"f:containers":{"k:{\"name\":\"a b\",\"port\":80}":{"f:image":{}}},"f:list":{"v:\"x\"":{},"i:3":{}}}})");
  std::vector<std::string> paths;
  s.for_each([&](const apply::path& p) { paths.push_back(print(p)); });
  BOOST_REQUIRE(paths.size() == 3u);
  BOOST_TEST(paths[0] == R"(.spec.containers[name="a b",port=80].image)");
  BOOST_TEST(paths[1] == R"(.spec.list[="x"])");
  BOOST_TEST(paths[2] == R"(.spec.list[3])");
}

BOOST_AUTO_TEST_CASE(visit_a_levels_members_before_what_is_below) {
  const auto s = set_of(R"({"f:a":{"f:z":{}},"f:b":{}})");
  std::vector<std::string> paths;
  s.for_each([&](const apply::path& p) { paths.push_back(print(p)); });
  BOOST_REQUIRE(paths.size() == 2u);
  BOOST_TEST(paths[0] == ".b");
  BOOST_TEST(paths[1] == ".a.z");
}

struct operation {
  const char* a;
  const char* b;
  const char* both;
  const char* common;
  const char* only_a;
  const char* beyond; ///< recursive difference
};

BOOST_AUTO_TEST_CASE(combine) {
  const operation rows[] = {
      {R"({})", R"({"f:a":{}})", R"({"f:a":{}})", "{}", "{}", "{}"},
      {R"({"f:a":{}})", R"({"f:b":{}})", R"({"f:a":{},"f:b":{}})", "{}", R"({"f:a":{}})",
       R"({"f:a":{}})"},
      {R"({"f:a":{"f:b":{},"f:c":{}}})", R"({"f:a":{"f:c":{},"f:d":{}}})",
       R"({"f:a":{"f:b":{},"f:c":{},"f:d":{}}})", R"({"f:a":{"f:c":{}}})", R"({"f:a":{"f:b":{}}})",
       R"({"f:a":{"f:b":{}}})"},
      // A path and what is below it are different things, but for the recursive difference.
      {R"({"f:a":{".":{},"f:b":{}}})", R"({"f:a":{}})", R"({"f:a":{".":{},"f:b":{}}})",
       R"({"f:a":{}})", R"({"f:a":{"f:b":{}}})", R"({})"},
      {R"({"f:a":{}})", R"({"f:a":{"f:b":{}}})", R"({"f:a":{".":{},"f:b":{}}})", "{}",
       R"({"f:a":{}})", R"({"f:a":{}})"},
      {R"({"v:1":{},"v:2":{}})", R"({"v:2":{},"v:3":{}})", R"({"v:1":{},"v:2":{},"v:3":{}})",
       R"({"v:2":{}})", R"({"v:1":{}})", R"({"v:1":{}})"},
  };
  for (const auto& r : rows) {
    const auto a = set_of(r.a);
    const auto b = set_of(r.b);
    BOOST_TEST_CONTEXT(r.a << " and " << r.b) {
      BOOST_TEST(text_of(a.union_with(b)) == r.both);
      BOOST_TEST(text_of(b.union_with(a)) == r.both);
      BOOST_TEST(text_of(a.intersection(b)) == r.common);
      BOOST_TEST(text_of(a.difference(b)) == r.only_a);
      BOOST_TEST(text_of(a.recursive_difference(b)) == r.beyond);
    }
  }
}

BOOST_AUTO_TEST_CASE(know_leaves_size_and_members) {
  auto s = set_of(R"({"f:a":{".":{},"f:b":{},"f:c":{".":{},"f:d":{}}}})");
  BOOST_TEST(s.size() == 4u);
  BOOST_TEST(text_of(s.leaves()) == R"({"f:a":{"f:b":{},"f:c":{"f:d":{}}}})");
  BOOST_TEST(s.has(apply::fields({"a", "c"})));
  BOOST_TEST(!s.has(apply::fields({"a", "x"})));
  BOOST_TEST(!s.has({}));
  s.insert(apply::fields({"a", "x", "y"}));
  BOOST_TEST(s.has(apply::fields({"a", "x", "y"})));
  BOOST_TEST(!s.has(apply::fields({"a", "x"})));
  BOOST_TEST(text_of(s.below(apply::fields({"a", "c"}))) == R"({"f:a":{"f:c":{".":{},"f:d":{}}}})");
  BOOST_TEST(s.below(apply::fields({"b"})).empty());
}

BOOST_AUTO_TEST_CASE(refuse_what_is_no_set) {
  for (const auto* text :
       {R"(5)", R"([])", R"({"f":{}})", R"({"":{}})", R"({"name":{}})", R"({"k:[]":{}})",
        R"({"k:{":{}})", R"({"v:":{}})", R"({"i:x":{}})", R"({"f:a":5})", R"({"f:a":{"f:b":[]}})"})
    BOOST_TEST(!field_set::from_json(doc_of(text)).has_value(), text);
}

BOOST_AUTO_TEST_CASE(skip_elements_of_a_later_kind_and_take_nulls) {
  BOOST_TEST(text_of(set_of(R"({"x:new":{"f:a":{}},"f:b":null})")) == R"({"f:b":{}})");
}

BOOST_AUTO_TEST_CASE(hold_any_bytes_in_names_and_values) {
  for (const auto* text :
       {R"({"f:a\u0000b":{},"v:\"\\u0000\\u0001\"":{}})",
        R"({"f:.":{},"f:a.b/c":{},"k:{\"a\\u0000\":\"\\u0000\",\"b\":\"\"}":{}})"}) {
    const auto s = set_of(text);
    BOOST_CHECK(set_of(text_of(s)) == s);
  }
}

BOOST_AUTO_TEST_SUITE_END()
