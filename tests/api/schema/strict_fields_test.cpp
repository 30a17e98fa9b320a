#include "api/schema/strict_fields.hpp"

#include "tests/api/schema/support.hpp"

using namespace thespis;
using namespace thespis::api;

BOOST_AUTO_TEST_SUITE(strict_fields)

namespace {

using texts = std::vector<std::string>;

constexpr std::string_view deployment =
    R"({"metadata":{"name":"a","name":"b","labels":{"x":"1","x":"2"},
  "what":1},"spec":{"foo":1,"bar":1,"bar":2,"paused":true,"paused":false,"paused":true,"template":
  {"spec":{"containers":[{"name":"c","no":{"a":1,"a":2},"image":"i","image":"j"}]}}}})";

} // namespace

BOOST_AUTO_TEST_CASE(names_are_told_in_the_order_of_the_body_and_once) {
  const texts expected = {
      R"(duplicate field "metadata.name")",
      R"(duplicate field "metadata.labels.x")",
      R"(unknown field "metadata.what")",
      R"(unknown field "spec.foo")",
      R"(unknown field "spec.bar")",
      R"(duplicate field "spec.paused")",
      R"(unknown field "spec.template.spec.containers[0].no")",
      R"(duplicate field "spec.template.spec.containers[0].image")",
  };
  BOOST_TEST(schema::field_reports(&test::type_of("deployments.apps"), deployment) == expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(without_a_type_only_repetition_is_told) {
  const texts expected = {
      R"(duplicate field "metadata.name")",
      R"(duplicate field "metadata.labels.x")",
      R"(duplicate field "spec.bar")",
      R"(duplicate field "spec.paused")",
      R"(duplicate field "spec.template.spec.containers[0].no.a")",
      R"(duplicate field "spec.template.spec.containers[0].image")",
  };
  BOOST_TEST(schema::field_reports(nullptr, deployment) == expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(reports_come_to_an_end) {
  std::string body = "{\"a\":[";
  for (int i = 0; i < 500; ++i)
    body += "{\"k\":1,\"k\":2},";
  BOOST_TEST(schema::field_reports(nullptr, body + "{}]}").size() == 100U);
}

BOOST_AUTO_TEST_CASE(operations_of_a_json_patch_are_looked_at) {
  const texts expected = {R"(json patch unknown field "[0].foo")",
                          R"(json patch duplicate field "[1].path")"};
  BOOST_TEST(
      schema::json_patch_reports(
          R"([{"op":"add","path":"/a","value":{"foo":1},"foo":"b"},{"op":"test","path":"/a","path":"/b"}])") ==
          expected,
      boost::test_tools::per_element());
  BOOST_TEST(schema::json_patch_reports(R"({"op":"add","foo":1})").empty());
}

BOOST_AUTO_TEST_SUITE_END()
