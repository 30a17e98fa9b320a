#include "api/admission/policies/type_check.hpp"
#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using thespis::api::testing::cluster;
using thespis::api::testing::text_at;

namespace {

constexpr auto policies = "validatingadmissionpolicies.admissionregistration.k8s.io";
constexpr auto bindings = "validatingadmissionpolicybindings.admissionregistration.k8s.io";
constexpr auto mutators = "mutatingadmissionpolicies.admissionregistration.k8s.io";
constexpr auto mutator_bindings = "mutatingadmissionpolicybindings.admissionregistration.k8s.io";

constexpr auto rules = R"("matchConstraints":{"resourceRules":[{"apiGroups":["apps"],
  "apiVersions":["v1"],"operations":["CREATE","UPDATE"],"resources":["deployments"]}]})";

struct judged : cluster {
  /// A policy with that in its spec, beside what it is about.
  reply policy(const std::string& spec, const std::string& match = rules,
               const std::string& name = "p") {
    return create(policies, "",
                  R"({"metadata":{"name":")" + name + R"("},"spec":{)" + match + "," + spec + "}}");
  }

  reply bind(const std::string& more = R"("validationActions":["Deny"])",
             const std::string& policy_name = "p") {
    return create(bindings, "",
                  R"({"metadata":{"name":"b"},"spec":{"policyName":")" + policy_name + "\"," +
                      more + "}}");
  }

  reply deploy(int replicas, const std::string& more = "", const std::string& name = "d") {
    return create("deployments.apps", "default",
                  R"({"metadata":{"name":")" + name +
                      R"(","labels":{"app":"x"}},"spec":{"replicas":)" + std::to_string(replicas) +
                      R"(,"selector":{"matchLabels":{"a":"b"}},
      "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c",
      "image":"i"}]}})" +
                      more + "}}");
  }

  std::string refused(const reply& r) {
    return r.ok ? "" : std::string{to_string(r.failure.why)} + ": " + r.failure.message;
  }
};

constexpr auto denied = "Invalid: deployments.apps \"d\" is forbidden: ValidatingAdmissionPolicy "
                        "'p' with binding 'b' denied request: ";

} // namespace

BOOST_FIXTURE_TEST_SUITE(admission_policies, judged)

BOOST_AUTO_TEST_CASE(judge_what_they_are_bound_to) {
  ok(policy(R"("validations":[{"expression":"object.spec.replicas <= 5"}])"));
  ok(deploy(9, "", "before"));
  ok(bind());
  auto r = deploy(9);
  BOOST_TEST(refused(r) == denied + std::string{"failed expression: object.spec.replicas <= 5"});
  BOOST_TEST_REQUIRE(r.failure.causes.size() == 1u);
  BOOST_TEST(http_code(r.failure.why) == 422);
  ok(deploy(5));
  BOOST_TEST(!patch("deployments.apps", "default", "d", R"({"spec":{"replicas":6}})").ok);
  ok(create("configmaps", "default", R"({"metadata":{"name":"m"}})"));
}

BOOST_AUTO_TEST_CASE(say_what_they_are_told_to_say) {
  ok(policy(R"j("validations":[
    {"expression":"object.spec.replicas > 1","message":" too few "},
    {"expression":"object.spec.replicas < 9","message":"too many","reason":"Forbidden",
     "messageExpression":"'at most 8, not ' + string(object.spec.replicas)"},
    {"expression":"object.spec.replicas != 5","message":"five","messageExpression":"''"}])j"));
  ok(bind());
  BOOST_TEST(refused(deploy(1)) == denied + std::string{"too few"});
  BOOST_TEST(refused(deploy(9)).starts_with("Forbidden: "));
  BOOST_TEST(refused(deploy(9)).ends_with("denied request: at most 8, not 9"));
  BOOST_TEST(refused(deploy(5)) == denied + std::string{"five"});
}

BOOST_AUTO_TEST_CASE(warn_where_bindings_only_warn) {
  ok(policy(R"("validations":[{"expression":"object.spec.replicas <= 5"}])"));
  ok(bind(R"("validationActions":["Warn","Audit"])"));
  auto r = ok(deploy(9));
  BOOST_TEST_REQUIRE(r.warnings.size() == 1u);
  BOOST_TEST(r.warnings[0] == "Validation failed for ValidatingAdmissionPolicy 'p' with binding "
                              "'b': failed expression: object.spec.replicas <= 5");
}

BOOST_AUTO_TEST_CASE(see_request_namespace_and_old_object) {
  ok(policy(
      R"j("variables":[{"name":"old","expression":"oldObject == null ? 0 : oldObject.spec.replicas"},
      {"name":"step","expression":"object.spec.replicas - variables.old"}],
    "validations":[{"expression":"variables.step <= 3","messageExpression":
      "'%s %s in %s of %s grows by %d'.format([request.operation, request.name, namespaceObject.metadata.name, request.kind.kind, string(variables.step)].map(x, dyn(x)))"},
      {"expression":"!request.dryRun && request.operation in ['CREATE', 'UPDATE']"}])j"));
  ok(bind());
  ok(deploy(3));
  ok(patch("deployments.apps", "default", "d", R"({"spec":{"replicas":6}})"));
  auto r = patch("deployments.apps", "default", "d", R"({"spec":{"replicas":10}})");
  BOOST_TEST(refused(r) == denied + std::string{"failed expression: variables.step <= 3"});
}

BOOST_AUTO_TEST_CASE(fail_as_their_policy_says) {
  ok(policy(R"("validations":[{"expression":"object.spec.paused == false"}])"));
  ok(bind());
  BOOST_TEST(refused(deploy(1)) == denied + std::string{"expression 'object.spec.paused == false' "
                                                        "resulted in error: no such key: paused"});
  ok(patch(policies, "", "p", R"({"spec":{"failurePolicy":"Ignore"}})"));
  ok(deploy(1));
}

BOOST_AUTO_TEST_CASE(match_by_conditions_selectors_and_names) {
  ok(policy(
      R"("matchConditions":[{"name":"big","expression":"object.spec.replicas > 100"}],
      "validations":[{"expression":"false","message":"no"}])"));
  ok(bind(R"("validationActions":["Deny"],"matchResources":{"namespaceSelector":
    {"matchExpressions":[{"key":"free","operator":"DoesNotExist"}]},
    "objectSelector":{"matchLabels":{"app":"x"}},"excludeResourceRules":[{"apiGroups":["*"],
    "apiVersions":["*"],"operations":["*"],"resources":["*"],"resourceNames":["spared"]}]})"));
  ok(deploy(9));
  BOOST_TEST(!deploy(101, "", "big").ok);
  ok(deploy(101, "", "spared"));
  ok(patch("namespaces", "", "default", R"({"metadata":{"labels":{"free":"yes"}}})"));
  ok(deploy(101, "", "free"));
}

BOOST_AUTO_TEST_CASE(take_parameters) {
  ok(policy(R"j("paramKind":{"apiVersion":"v1","kind":"ConfigMap"},
    "validations":[{"expression":"object.spec.replicas <= int(params.data.most)",
                    "message":"more than allowed"}])j"));
  ok(bind(R"("validationActions":["Deny"],"paramRef":{"name":"limits",
    "parameterNotFoundAction":"Deny"})"));
  BOOST_TEST(refused(deploy(1)) ==
             denied + std::string{"failed to configure binding: no params found for policy binding "
                                  "with `Deny` parameterNotFoundAction"});
  ok(create("configmaps", "default", R"({"metadata":{"name":"limits"},"data":{"most":"3"}})"));
  ok(deploy(3));
  BOOST_TEST(refused(patch("deployments.apps", "default", "d", R"({"spec":{"replicas":4}})")) ==
             denied + std::string{"more than allowed"});
  ok(remove("configmaps", "default", "limits"));
  ok(patch(bindings, "", "b", R"({"spec":{"paramRef":{"parameterNotFoundAction":"Allow"}}})"));
  ok(deploy(9, "", "free"));
}

BOOST_AUTO_TEST_CASE(are_refused_when_they_do_not_compile) {
  auto r = policy(R"("variables":[{"name":"v","expression":"1 +"}],
    "validations":[{"expression":"object.spec.replicas >"},{"expression":"1 + 1"},
    {"expression":"variables.missing"},{"expression":"params.x == 1"},
    {"expression":"true","messageExpression":"1"}])");
  BOOST_TEST_REQUIRE(!r.ok);
  std::string fields;
  for (const auto& c : r.failure.causes)
    fields += c.field + "\n";
  BOOST_TEST(fields == "spec.variables[0].expression\nspec.validations[0].expression\n"
                       "spec.validations[1].expression\nspec.validations[2].expression\n"
                       "spec.validations[3].expression\nspec.validations[4].messageExpression\n");
  BOOST_TEST(r.failure.causes[2].message == "Invalid value: \"1 + 1\": must evaluate to bool");
  BOOST_TEST(r.failure.causes[3].message ==
             "Invalid value: \"variables.missing\": compilation failed: ERROR: <input>:1:10: "
             "undefined field 'missing'\n | variables.missing\n | .........^");
  r = bind(R"("validationActions":["Deny","Warn"])");
  BOOST_TEST_REQUIRE(!r.ok);
  BOOST_TEST(r.failure.causes[0].field == "spec.validationActions");
}

BOOST_AUTO_TEST_CASE(are_checked_against_the_types_of_objects) {
  auto o =
      ok(policy(R"j("variables":[{"name":"n","expression":"object.spec.replicas"}],"validations":[
    {"expression":"object.spec.replcas > 1"},{"expression":"variables.n == 'a'"},
    {"expression":"object.metadata.creationTimestamp < timestamp('2030-01-01T00:00:00Z')"},
    {"expression":"object.spec.template.spec.containers.all(c, c.image != '')",
     "messageExpression":"'%s'.format([object.metadata.nme])"}])j"))
          .object;
  auto found = admission::check_types(o->parse(), schema::registry::builtin());
  BOOST_TEST_REQUIRE(found.size() == 3u);
  BOOST_TEST(found[0].field == "spec.validations[0].expression");
  BOOST_TEST(found[0].warning == "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field "
                                 "'replcas'\n | object.spec.replcas > 1\n | ...........^\n");
  BOOST_TEST(found[1].field == "spec.validations[1].expression");
  BOOST_TEST(found[2].field == "spec.validations[3].messageExpression");
}

BOOST_AUTO_TEST_CASE(never_judge_policies) {
  ok(policy(R"("validations":[{"expression":"false"}])",
            R"("matchConstraints":{"resourceRules":[{"apiGroups":["*"],"apiVersions":["*"],
      "operations":["*"],"resources":["*"]}]})"));
  ok(bind());
  BOOST_TEST(!create("configmaps", "default", R"({"metadata":{"name":"m"}})").ok);
  ok(remove(bindings, "", "b"));
  ok(create("configmaps", "default", R"({"metadata":{"name":"m"}})"));
}

BOOST_AUTO_TEST_CASE(stop_at_their_budget) {
  std::string list = "[";
  for (int n = 0; n < 100; ++n)
    list += "1,";
  list += "1]";
  ok(policy(R"("validations":[{"expression":")" + list + ".all(a, " + list + ".all(b, " + list +
            R"j(.all(c, true)))","message":"m"}])j"));
  ok(bind());
  BOOST_TEST(refused(deploy(1)).ends_with(
      "resulted in error: operation cancelled: actual cost limit exceeded"));
}

namespace {

struct mutated : judged {
  void mutator(const std::string& mutation, const std::string& more = "") {
    ok(create(mutators, "",
              R"({"metadata":{"name":"m"},"spec":{)" + std::string{rules} + more +
                  R"(,"reinvocationPolicy":"Never","mutations":[)" + mutation + "]}}"));
    ok(create(mutator_bindings, "", R"({"metadata":{"name":"b"},"spec":{"policyName":"m"}})"));
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(apply_configurations, mutated) {
  mutator(R"({"patchType":"ApplyConfiguration","applyConfiguration":{"expression":
    "Object{metadata: Object.metadata{annotations: {'seen': 'yes'}}, spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: [Object.spec.template.spec.containers{name: 'c', imagePullPolicy: 'Always'}, Object.spec.template.spec.containers{name: 'extra', image: 'e'}]}}}}"}})");
  auto o = ok(deploy(2)).object;
  BOOST_TEST(text_at(*o, {"metadata", "annotations", "seen"}) == "yes");
  auto doc = o->parse();
  const auto& list = *json::at(doc, {"spec", "template", "spec", "containers"});
  BOOST_TEST_REQUIRE(list.Size() == 2u);
  BOOST_TEST(json::get_string(list[0], "image") == "i");
  BOOST_TEST(json::get_string(list[0], "imagePullPolicy") == "Always");
  BOOST_TEST(json::get_string(list[1], "name") == "extra");
  BOOST_TEST(json::get_string(list[1], "terminationMessagePath") == "/dev/termination-log");
}

BOOST_FIXTURE_TEST_CASE(apply_json_patches, mutated) {
  mutator(R"({"patchType":"JSONPatch","jsonPatch":{"expression":
    "[JSONPatch{op: 'test', path: '/spec/replicas', value: 2}, JSONPatch{op: 'replace', path: '/spec/replicas', value: object.spec.replicas + 1}, JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('example.com/x'), value: 'y'}]"}})");
  auto o = ok(deploy(2)).object;
  BOOST_TEST(text_at(*o, {"spec", "replicas"}) == "3");
  BOOST_TEST(text_at(*o, {"metadata", "labels", "example.com/x"}) == "y");
  BOOST_TEST(
      refused(deploy(7)).find("policy 'm' with binding 'b' denied request: JSON Patch: error "
                              "applying patch: ") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(do_not_alter_atomic_lists, mutated) {
  mutator(R"({"patchType":"ApplyConfiguration","applyConfiguration":{"expression":
    "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{tolerations: [Object.spec.template.spec.tolerations{key: 'a'}]}}}}"}})");
  BOOST_TEST(refused(deploy(2)).find("may not mutate atomic arrays, maps or structs: "
                                     ".spec.template.spec.tolerations") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
