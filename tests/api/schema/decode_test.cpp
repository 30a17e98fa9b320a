#include "api/schema/decode.hpp"

#include "tests/api/schema/support.hpp"

using namespace thespis;
using namespace thespis::api;

BOOST_AUTO_TEST_SUITE(decoding)

namespace {

/// The decoder's complaint about `text` as that resource; empty when there is none.
std::string complaint(std::string_view resource, std::string_view text) {
  auto doc = test::parse(text);
  const auto r = schema::conform(test::type_of(resource), doc, doc.GetAllocator());
  return r ? std::string{} : r.error().message;
}

/// The object after decoding.
std::string decoded(std::string_view resource, std::string_view text,
                    std::vector<std::string>* unknown = nullptr) {
  auto doc = test::parse(text);
  const auto r = schema::conform(test::type_of(resource), doc, doc.GetAllocator(), unknown);
  BOOST_REQUIRE_MESSAGE(r, (r ? "" : r.error().message));
  return json::to_string(doc);
}

} // namespace

BOOST_AUTO_TEST_CASE(wrong_types_are_named_as_go_names_them) {
  BOOST_TEST(complaint("deployments.apps", R"({"spec":{"replicas":"3"}})") ==
             "json: cannot unmarshal string into Go struct field "
             "DeploymentSpec.spec.replicas of type int32");
  BOOST_TEST(complaint("deployments.apps", R"({"spec":{"replicas":1.5}})") ==
             "json: cannot unmarshal number 1.5 into Go struct field "
             "DeploymentSpec.spec.replicas of type int32");
  BOOST_TEST(complaint("deployments.apps", R"({"spec":{"replicas":3000000000}})") ==
             "json: cannot unmarshal number 3000000000 into Go struct field "
             "DeploymentSpec.spec.replicas of type int32");
  BOOST_TEST(complaint("pods", R"({"spec":{"containers":{}}})") ==
             "json: cannot unmarshal object into Go struct field "
             "PodSpec.spec.containers of type []v1.Container");
  BOOST_TEST(complaint("pods", R"({"spec":{"containers":[{"name":"a","image":7}]}})") ==
             "json: cannot unmarshal number into Go struct field "
             "Container.spec.containers.image of type string");
  BOOST_TEST(complaint("pods", R"({"spec":{"restartPolicy":true}})") ==
             "json: cannot unmarshal bool into Go struct field "
             "PodSpec.spec.restartPolicy of type v1.RestartPolicy");
  BOOST_TEST(complaint("pods", R"({"spec":"x"})") ==
             "json: cannot unmarshal string into Go struct field Pod.spec of type v1.PodSpec");
  BOOST_TEST(complaint("pods", R"({"metadata":{"labels":{"a":1}}})") ==
             "json: cannot unmarshal number into Go struct field "
             "ObjectMeta.metadata.labels of type string");
  BOOST_TEST(complaint("pods", R"({"metadata":{"labels":[]}})") ==
             "json: cannot unmarshal array into Go struct field "
             "ObjectMeta.metadata.labels of type map[string]string");
}

BOOST_AUTO_TEST_CASE(types_with_their_own_parsers_use_their_own_words) {
  const auto pod = [](std::string_view cpu) {
    return R"({"spec":{"containers":[{"name":"a","resources":{"limits":{"cpu":)" +
           std::string{cpu} + "}}}]}}";
  };
  BOOST_TEST(complaint("pods", pod("\"lots\"")).find("quantities must match") == 0u);
  BOOST_TEST(complaint("pods", pod("{}")).find("quantities must match") == 0u);
  BOOST_TEST(complaint("secrets", R"({"data":{"a":"%%"}})") ==
             "illegal base64 data at input byte 0");
  BOOST_TEST(
      complaint("pods", R"({"metadata":{"creationTimestamp":"today"}})") ==
      R"(parsing time "today" as "2006-01-02T15:04:05Z07:00": cannot parse "today" as "2006")");
  BOOST_TEST(complaint("services", R"({"spec":{"ports":[{"targetPort":true}]}})") ==
             "json: cannot unmarshal bool into Go value of type int32");
}

BOOST_AUTO_TEST_CASE(quantities_and_times_become_canonical) {
  BOOST_TEST(
      decoded(
          "pods",
          R"({"spec":{"containers":[{"resources":{"limits":{"cpu":0.5,"memory":"1024Ki"}}}]}})") ==
      R"({"spec":{"containers":[{"resources":{"limits":{"cpu":"500m","memory":"1Mi"}}}]}})");
  BOOST_TEST(decoded("pods", R"({"metadata":{"deletionTimestamp":"2020-01-01T02:00:00+02:00"}})") ==
             R"({"metadata":{"deletionTimestamp":"2020-01-01T00:00:00Z"}})");
}

BOOST_AUTO_TEST_CASE(nulls_are_absent_and_become_zero_inside_lists_and_maps) {
  BOOST_TEST(
      decoded("pods",
              R"({"metadata":{"name":null,"labels":{"a":null}},"spec":{"containers":[null]}})") ==
      R"({"metadata":{"labels":{"a":""}},"spec":{"containers":[{}]}})");
}

BOOST_AUTO_TEST_CASE(lists_and_maps_of_nothing_are_left_out_unless_they_are_required) {
  BOOST_TEST(decoded("pods", R"({"metadata":{"labels":{},"finalizers":[]},"spec":{"containers":[],
                       "volumes":[{"name":"a","emptyDir":{}}],"tolerations":[],"hostname":""}})") ==
             R"({"metadata":{},"spec":{"containers":[],)"
             R"("volumes":[{"name":"a","emptyDir":{}}],"hostname":""}})");
}

BOOST_AUTO_TEST_CASE(unknown_members_are_dropped_and_reported_with_their_path) {
  std::vector<std::string> unknown;
  BOOST_TEST(
      decoded("deployments.apps",
              R"({"spec":{"foo":1,"replicas":2,"template":{"spec":{"containers":[
                       {"name":"a"},{"imagee":"x","name":"b"}]}}},"bar":{}})",
              &unknown) ==
      R"({"spec":{"replicas":2,"template":{"spec":{"containers":[{"name":"a"},{"name":"b"}]}}}})");
  const std::vector<std::string> expected = {
      R"(unknown field "spec.foo")", R"(unknown field "spec.template.spec.containers[1].imagee")",
      R"(unknown field "bar")"};
  BOOST_TEST(unknown == expected, boost::test_tools::per_element());
  BOOST_TEST(schema::strict_error({R"(duplicate field "spec.replicas")", expected[0]}) ==
             R"(strict decoding error: duplicate field "spec.replicas", unknown field "spec.foo")");
  BOOST_TEST(schema::strict_error({}).empty());
}

BOOST_AUTO_TEST_CASE(names_are_case_sensitive) {
  std::vector<std::string> unknown;
  BOOST_TEST(decoded("pods", R"({"Spec":{}})", &unknown) == "{}");
  BOOST_TEST(unknown.size() == 1u);
}

BOOST_AUTO_TEST_CASE(free_form_values_are_kept_as_they_are) {
  const auto* text =
      R"({"data":{"a":[1,null,{"b":true}]},"metadata":{"managedFields":[{"fieldsV1":{"f:x":{}}}]},"revision":1})";
  BOOST_TEST(decoded("controllerrevisions.apps", text) == text);
}

BOOST_AUTO_TEST_CASE(many_unknown_members_take_linear_time_and_few_reports) {
  std::string text = "{";
  for (int i = 0; i < 50000; ++i)
    text += "\"x" + std::to_string(i) + "\":null,";
  text += "\"kind\":\"Pod\"}";
  std::vector<std::string> unknown;
  BOOST_TEST(decoded("pods", text, &unknown) == R"({"kind":"Pod"})");
  BOOST_TEST(unknown.size() == 100u);
}

BOOST_AUTO_TEST_CASE(the_whole_message_names_kind_and_version) {
  BOOST_TEST(schema::handled_as("Deployment", "v1", "json: oops").message ==
             R"(Deployment in version "v1" cannot be handled as a Deployment: json: oops)");
}

BOOST_AUTO_TEST_SUITE_END()
