#include "api/schema/default_hooks.hpp"
#include "api/schema/defaults.hpp"

#include "tests/api/schema/support.hpp"

using namespace thespis;
using namespace thespis::api;

BOOST_AUTO_TEST_SUITE(defaults)

namespace {

json::document defaulted(std::string_view resource, std::string_view text) {
  auto doc = test::parse(text);
  schema::apply_defaults(test::type_of(resource), doc, doc.GetAllocator());
  return doc;
}

std::string text_at(const json::value& doc, std::initializer_list<std::string_view> path) {
  const auto* v = json::at(doc, path);
  return v ? json::to_string(*v) : "absent";
}

} // namespace

BOOST_AUTO_TEST_CASE(a_pod_gets_what_kubernetes_gives_it) {
  const auto doc = defaulted("pods", R"({"spec":{"containers":[
    {"name":"a","image":"web:1","ports":[{"containerPort":80}],"livenessProbe":{"httpGet":{"port":80}}}],
    "volumes":[{"name":"c","configMap":{"name":"x"}},{"name":"e"},
               {"name":"i","image":{"reference":"data:1"}}]}})");
  const auto& spec = doc["spec"];
  BOOST_TEST(text_at(spec, {"restartPolicy"}) == R"("Always")");
  BOOST_TEST(text_at(spec, {"dnsPolicy"}) == R"("ClusterFirst")");
  BOOST_TEST(text_at(spec, {"schedulerName"}) == R"("default-scheduler")");
  BOOST_TEST(text_at(spec, {"terminationGracePeriodSeconds"}) == "30");
  BOOST_TEST(text_at(spec, {"securityContext"}) == "{}");
  BOOST_TEST(text_at(spec, {"enableServiceLinks"}) == "true");
  const auto& c = spec["containers"][0];
  BOOST_TEST(text_at(c, {"imagePullPolicy"}) == R"("IfNotPresent")");
  BOOST_TEST(text_at(c, {"terminationMessagePath"}) == R"("/dev/termination-log")");
  BOOST_TEST(text_at(c, {"terminationMessagePolicy"}) == R"("File")");
  BOOST_TEST(text_at(c, {"resources"}) == "{}");
  BOOST_TEST(text_at(c["ports"][0], {"protocol"}) == R"("TCP")");
  const auto& probe = c["livenessProbe"];
  BOOST_TEST(text_at(probe, {"timeoutSeconds"}) == "1");
  BOOST_TEST(text_at(probe, {"periodSeconds"}) == "10");
  BOOST_TEST(text_at(probe, {"successThreshold"}) == "1");
  BOOST_TEST(text_at(probe, {"failureThreshold"}) == "3");
  BOOST_TEST(text_at(probe, {"httpGet", "path"}) == R"("/")");
  BOOST_TEST(text_at(probe, {"httpGet", "scheme"}) == R"("HTTP")");
  BOOST_TEST(text_at(spec["volumes"][0], {"configMap", "defaultMode"}) == "420");
  BOOST_TEST(text_at(spec["volumes"][1], {"emptyDir"}) == "{}");
  BOOST_TEST(text_at(spec["volumes"][2], {"image", "pullPolicy"}) == R"("IfNotPresent")");
}

BOOST_AUTO_TEST_CASE(what_is_given_stays_also_zero_and_false) {
  const auto doc = defaulted("pods", R"({"spec":{"restartPolicy":"Never",
    "terminationGracePeriodSeconds":0,"enableServiceLinks":false,"containers":[]}})");
  BOOST_TEST(text_at(doc, {"spec", "restartPolicy"}) == R"("Never")");
  BOOST_TEST(text_at(doc, {"spec", "terminationGracePeriodSeconds"}) == "0");
  BOOST_TEST(text_at(doc, {"spec", "enableServiceLinks"}) == "false");
}

BOOST_AUTO_TEST_CASE(pull_policy_follows_from_the_tag) {
  const std::pair<const char*, const char*> cases[] = {
      {"web", "Always"},
      {"web:latest", "Always"},
      {"web:1.2", "IfNotPresent"},
      {"host:5000/web", "Always"},
      {"host:5000/web:2", "IfNotPresent"},
      {"web@sha256:0000", "IfNotPresent"},
  };
  for (auto& [image, policy] : cases) {
    const auto doc =
        defaulted("pods", R"({"spec":{"containers":[{"image":")" + std::string{image} + R"("}]}})");
    BOOST_TEST(json::get_string(doc["spec"]["containers"][0], "imagePullPolicy") == policy, image);
  }
}

BOOST_AUTO_TEST_CASE(requests_follow_from_limits_in_pods_but_not_in_templates) {
  const auto doc = defaulted("pods", R"({"spec":{"containers":[{"resources":{
    "limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"100m"}}}]}})");
  BOOST_TEST(text_at(doc["spec"]["containers"][0], {"resources", "requests"}) ==
             R"({"cpu":"100m","memory":"1Gi"})");
  const auto d = defaulted(
      "deployments.apps",
      R"({"spec":{"template":{"spec":{"containers":[{"resources":{"limits":{"cpu":"1"}}}]}}}})");
  BOOST_TEST(text_at(d["spec"]["template"]["spec"]["containers"][0], {"resources", "requests"}) ==
             "absent");
}

BOOST_AUTO_TEST_CASE(a_deployment_rolls_a_quarter_at_a_time) {
  const auto doc = defaulted("deployments.apps", R"({"spec":{"template":{"spec":{}}}})");
  BOOST_TEST(text_at(doc, {"spec", "replicas"}) == "1");
  BOOST_TEST(text_at(doc, {"spec", "revisionHistoryLimit"}) == "10");
  BOOST_TEST(text_at(doc, {"spec", "progressDeadlineSeconds"}) == "600");
  BOOST_TEST(
      text_at(doc, {"spec", "strategy"}) ==
      R"({"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":"25%","maxSurge":"25%"}})");
  BOOST_TEST(text_at(doc, {"spec", "template", "spec", "restartPolicy"}) == R"("Always")");
  const auto recreate =
      defaulted("deployments.apps", R"({"spec":{"strategy":{"type":"Recreate"}}})");
  BOOST_TEST(text_at(recreate, {"spec", "strategy"}) == R"({"type":"Recreate"})");
}

BOOST_AUTO_TEST_CASE(services_depend_on_their_type) {
  const auto doc = defaulted("services", R"({"spec":{"ports":[{"port":80}]}})");
  BOOST_TEST(text_at(doc, {"spec"}) ==
             R"({"ports":[{"port":80,"protocol":"TCP","targetPort":80}],"type":"ClusterIP",)"
             R"("sessionAffinity":"None","internalTrafficPolicy":"Cluster"})");
  const auto node_port = defaulted(
      "services", R"({"spec":{"type":"NodePort","sessionAffinity":"ClientIP","ports":[]}})");
  BOOST_TEST(text_at(node_port, {"spec", "externalTrafficPolicy"}) == R"("Cluster")");
  BOOST_TEST(text_at(node_port, {"spec", "sessionAffinityConfig", "clientIP", "timeoutSeconds"}) ==
             "10800");
  const auto external = defaulted("services", R"({"spec":{"type":"ExternalName"}})");
  BOOST_TEST(text_at(external, {"spec", "internalTrafficPolicy"}) == "absent");
}

BOOST_AUTO_TEST_CASE(a_replication_controller_selects_what_its_template_makes) {
  const auto doc =
      defaulted("replicationcontrollers",
                R"({"metadata":{},"spec":{"template":{"metadata":{"labels":{"a":"b"}}}}})");
  BOOST_TEST(text_at(doc, {"spec", "selector"}) == R"({"a":"b"})");
  BOOST_TEST(text_at(doc, {"metadata", "labels"}) == R"({"a":"b"})");
}

BOOST_AUTO_TEST_CASE(applying_twice_changes_nothing) {
  for (auto* resource :
       {"pods", "services", "deployments.apps", "statefulsets.apps", "jobs.batch"}) {
    auto doc = defaulted(resource, R"({"metadata":{},"spec":{"type":"LoadBalancer","template":
      {"spec":{"containers":[{"image":"x"}]}},"containers":[{"image":"y"}],"ports":[{"port":1}]}})");
    const auto once = json::to_string(doc);
    schema::apply_defaults(test::type_of(resource), doc, doc.GetAllocator());
    BOOST_TEST(json::to_string(doc) == once);
  }
}

BOOST_AUTO_TEST_CASE(defaults_survive_values_of_another_type) {
  for (auto* text :
       {R"({"spec":7})", R"({"spec":{"containers":7,"volumes":[3],"hostNetwork":"x"}})",
        R"({"spec":{"strategy":[],"template":"x","ports":{},"rollingUpdate":1}})"})
    for (auto* resource : {"pods", "services", "deployments.apps", "replicationcontrollers"})
      defaulted(resource, text);
}

BOOST_AUTO_TEST_CASE(every_hook_the_schema_names_exists) {
  for (const auto* t : schema::registry::builtin().types())
    if (!t->default_hook.empty())
      BOOST_TEST((schema::find_default_hook(t->default_hook) != nullptr), t->full_name);
}

BOOST_AUTO_TEST_SUITE_END()
