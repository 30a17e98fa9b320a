#include "api/schema/formats.hpp"
#include "api/schema/validate.hpp"

#include "tests/api/schema/support.hpp"

using namespace thespis;
using namespace thespis::api;

BOOST_AUTO_TEST_SUITE(validation)

namespace {

/// "field: message" of every cause.
std::vector<std::string> complaints(std::string_view resource, std::string_view text,
                                    std::string_view old = {}) {
  const auto doc = test::parse(text);
  std::vector<cause> causes;
  if (old.empty()) {
    schema::validate(test::type_of(resource), doc, nullptr, causes);
  } else {
    const auto before = test::parse(old);
    schema::validate(test::type_of(resource), doc, &before, causes);
  }
  std::vector<std::string> out;
  for (auto& c : causes)
    out.push_back(c.field + ": " + c.message);
  return out;
}

void expect(std::string_view resource, std::string_view text, std::vector<std::string> wanted) {
  const auto got = complaints(resource, text);
  BOOST_TEST(got == wanted, boost::test_tools::per_element());
}

} // namespace

BOOST_AUTO_TEST_CASE(a_good_pod_passes) {
  expect("pods", R"({"spec":{"restartPolicy":"Always","containers":[{"name":"a","image":"b",
    "ports":[{"containerPort":80,"protocol":"TCP"}],"resources":{"limits":{"cpu":"1"}}}]}})",
         {});
}

BOOST_AUTO_TEST_CASE(missing_values_are_required) {
  expect("pods", R"({"spec":{}})", {"spec.containers: Required value"});
  expect("pods", R"({"spec":{"containers":[{"image":""}]}})",
         {"spec.containers[0].name: Required value", "spec.containers[0].image: Required value"});
}

BOOST_AUTO_TEST_CASE(enumerations_list_what_is_supported) {
  expect("pods",
         R"({"spec":{"containers":[{"name":"a","image":"b","imagePullPolicy":"Sometimes"}]}})",
         {R"(spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": )"
          R"(supported values: "Always", "IfNotPresent", "Never")"});
}

BOOST_AUTO_TEST_CASE(formats_speak_kubernetes_words) {
  expect(
      "pods", R"({"spec":{"containers":[{"name":"A_b","image":"b"}]}})",
      {R"(spec.containers[0].name: Invalid value: "A_b": a lowercase RFC 1123 label must consist )"
       R"(of lower case alphanumeric characters or '-', and must start and end with an )"
       R"(alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is )"
       R"('[a-z0-9]([-a-z0-9]*[a-z0-9])?'))"});
}

BOOST_AUTO_TEST_CASE(numbers_keep_their_bounds) {
  expect("pods",
         R"({"spec":{"containers":[{"name":"a","image":"b","ports":[{"containerPort":70000}]}]}})",
         {"spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and "
          "65535, inclusive"});
  expect("deployments.apps",
         R"({"spec":{"replicas":-1,"selector":{},"template":{"spec":{"containers":[
             {"name":"a","image":"b"}]}}}})",
         {"spec.replicas: Invalid value: -1: must be greater than or equal to 0"});
  expect("services",
         R"({"spec":{"type":"ClusterIP","sessionAffinity":"None","ports":[{"protocol":"TCP"}]}})",
         {"spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"});
  const auto got = complaints(
      "pods",
      R"({"spec":{"containers":[{"name":"a","image":"b","resources":{"limits":{"cpu":"-1"}}}]}})");
  BOOST_REQUIRE(got.size() == 1u);
  BOOST_TEST(got[0] == R"(spec.containers[0].resources.limits[cpu]: Invalid value: "-1": )"
                       "must be greater than or equal to 0");
}

BOOST_AUTO_TEST_CASE(fields_may_have_words_of_their_own) {
  expect("pods", R"({"spec":{"containers":[{"name":"a","image":"b"}],"volumes":[
      {"name":"v","secret":{"secretName":"s","defaultMode":1000}}],"os":{}}})",
         {"spec.volumes[0].secret.defaultMode: Invalid value: 1000: must be a number between 0 and "
          "0777 (octal), both inclusive",
          "spec.os.name: Required value: cannot be empty"});
  expect(
      "pods", R"({"spec":{"containers":[{"name":"a","image":"b"}],
      "dnsConfig":{"nameservers":["1.1.1.1","1.1.1.2","1.1.1.3","1.1.1.4"]}}})",
      {R"(spec.dnsConfig.nameservers: Invalid value: ["1.1.1.1","1.1.1.2","1.1.1.3","1.1.1.4"]: )"
       "must not have more than 3 nameservers"});
}

BOOST_AUTO_TEST_CASE(what_is_left_out_is_judged_as_the_zero_value) {
  expect("pods", R"({"spec":{"containers":[{"name":"a","image":"b"}],
      "topologySpreadConstraints":[{"topologyKey":"zone"}]}})",
         {"spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
          R"(spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "": )"
          R"(supported values: "DoNotSchedule", "ScheduleAnyway")"});
  const auto got = complaints("pods", R"({"spec":{"containers":[{"name":"a","image":"b"}],
      "readinessGates":[{}]}})");
  BOOST_REQUIRE(!got.empty());
  BOOST_TEST(got[0] == R"(spec.readinessGates[0].conditionType: Invalid value: "": )"
                       "name part must be non-empty");
}

BOOST_AUTO_TEST_CASE(files_of_volumes_stay_inside_and_out_of_the_way) {
  const auto volume = [](std::string_view path) {
    return R"({"spec":{"containers":[{"name":"a","image":"b"}],"volumes":[{"name":"v","configMap":)"
           R"({"name":"c","items":[{"key":"k","path":")" +
           std::string{path} + R"("}]}}]}})";
  };
  const std::string at = R"(spec.volumes[0].configMap.items[0].path: )";
  expect("pods", volume("a/b"), {});
  expect("pods", volume("/a"), {at + R"(Invalid value: "/a": must be a relative path)"});
  expect("pods", volume("a/../b"), {at + R"(Invalid value: "a/../b": must not contain '..')"});
  expect("pods", volume("..data"), {at + R"(Invalid value: "..data": must not start with '..')"});
}

BOOST_AUTO_TEST_CASE(numbers_or_strings_are_checked_as_what_they_are) {
  const auto probe = [](std::string_view port) {
    return R"({"spec":{"containers":[{"name":"a","image":"b","livenessProbe":{"httpGet":{"port":)" +
           std::string{port} + "}}}]}}";
  };
  BOOST_TEST(complaints("pods", probe("\"web\"")).empty());
  BOOST_TEST(complaints("pods", probe("8080")).empty());
  BOOST_TEST(complaints("pods", probe("70000")).size() == 1u);
  expect("pods",
         R"({"spec":{"containers":[{"name":"a","image":"b","livenessProbe":{"httpGet":{}}}]}})",
         {"spec.containers[0].livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and "
          "65535, inclusive"});
  BOOST_TEST(complaints("pods", probe("\"no_port\"")).size() >= 1u);
}

BOOST_AUTO_TEST_CASE(groups_want_exactly_one_member) {
  expect(
      "pods",
      R"({"spec":{"containers":[{"name":"a","image":"b","livenessProbe":{"periodSeconds":1}}]}})",
      {"spec.containers[0].livenessProbe: Required value: must specify a handler type"});
  expect("pods", R"({"spec":{"containers":[{"name":"a","image":"b"}],"volumes":[
      {"name":"v","emptyDir":{},"hostPath":{"path":"/x"}}]}})",
         {"spec.volumes[0].emptyDir: Forbidden: may not specify more than 1 volume type"});
}

BOOST_AUTO_TEST_CASE(labels_are_reported_as_a_whole_and_other_maps_by_key) {
  const auto got = complaints("services", R"({"spec":{"type":"ClusterIP","sessionAffinity":"None",
      "selector":{"a b":"c"}}})");
  BOOST_REQUIRE(got.size() == 1u);
  BOOST_TEST(got[0].find(R"(spec.selector: Invalid value: "a b": name part must consist of)") ==
             0u);
  const auto keys = complaints("configmaps", R"({"data":{"a/b":"c"}})");
  BOOST_REQUIRE(keys.size() == 1u);
  BOOST_TEST(keys[0].find(R"(data[a/b]: Invalid value: "a/b": a valid config key must)") == 0u);
}

BOOST_AUTO_TEST_CASE(immutable_fields_may_be_set_once) {
  const auto got = complaints("secrets", R"({"type":"b"})", R"({"type":"a"})");
  BOOST_REQUIRE(got.size() == 1u);
  BOOST_TEST(got[0] == R"(type: Invalid value: "b": field is immutable)");
  BOOST_TEST(complaints("secrets", R"({"type":"a"})", R"({"type":"a"})").empty());
}

BOOST_AUTO_TEST_CASE(checks_of_a_kind_run_with_both_states) {
  schema::register_check("test.example", "v1", "Thing",
                         [](const json::value& now, const json::value* old, auto& causes) {
                           if (old && json::get_int(now, "n") < json::get_int(*old, "n"))
                             causes.push_back(field_forbidden("n", "may only grow"));
                         });
  const auto one = test::parse(R"({"n":1})");
  const auto two = test::parse(R"({"n":2})");
  std::vector<cause> causes;
  schema::run_checks("test.example", "v1", "Thing", two, &one, causes);
  schema::run_checks("test.example", "v1", "Other", one, &two, causes);
  BOOST_TEST(causes.empty());
  schema::run_checks("test.example", "v1", "Thing", one, &two, causes);
  BOOST_TEST(causes.size() == 1u);
}

BOOST_AUTO_TEST_CASE(values_of_any_shape_are_survived) {
  for (auto& r : schema::registry::builtin().resources())
    for (auto& f : r->type->fields) {
      if (f.type.form != schema::shape::object)
        continue;
      for (auto& inner : f.type.object->fields)
        for (auto* junk :
             {"null", "true", "-1", "1.5", "\"\"", "[]", "[null,1,[]]", "{}", "{\"a\":{}}"}) {
          const auto doc =
              test::parse("{\"" + f.name + "\":{\"" + inner.name + "\":" + junk + "}}");
          std::vector<cause> causes;
          schema::validate(*r->type, doc, &doc, causes);
          schema::validate(*r->type, doc[f.name.c_str()], &doc, causes);
        }
    }
}

BOOST_AUTO_TEST_CASE(every_format_the_schema_names_exists) {
  const auto check = [](const std::shared_ptr<const schema::rules>& r, const std::string& where) {
    if (r && !r->format.empty())
      BOOST_TEST(schema::is_format(r->format), where << " " << r->format);
  };
  for (const auto* t : schema::registry::builtin().types())
    for (auto& f : t->fields) {
      check(f.type.checks, t->name + "." + f.name);
      check(f.type.keys, t->name + "." + f.name);
      if (f.type.element)
        check(f.type.element->checks, t->name + "." + f.name);
    }
  for (auto& r : schema::registry::builtin().resources())
    BOOST_TEST(schema::is_format(r->name_format), r->plural);
}

BOOST_AUTO_TEST_SUITE_END()
