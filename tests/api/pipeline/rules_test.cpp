// What Kubernetes says of objects that break the rules of their kind.
#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using thespis::api::testing::cluster;
using thespis::api::testing::text_at;

namespace {

struct with_rules : cluster {
  /// What is said of an object of this name, behind `Kind "x" is invalid: `.
  std::string why(const std::string& resource, const std::string& rest,
                  const std::string& ns = "default", const std::string& name = "x") {
    auto r = create(resource, ns, R"({"metadata":{"name":")" + name + "\"}," + rest + "}");
    const auto at = r.failure.message.find(" is invalid: ");
    return r.ok                      ? "accepted"
           : at == std::string::npos ? r.failure.message
                                     : r.failure.message.substr(at + 13);
  }
  std::string cluster_wide(const std::string& resource, const std::string& rest,
                           const std::string& name = "x") {
    return why(resource, rest, "", name);
  }
  /// The same of a change.
  std::string why_not(const std::string& resource, const std::string& change,
                      const std::string& ns = "default", const std::string& sub = {}) {
    auto r = patch(resource, ns, "x", change, patch_kind::json_merge, sub);
    const auto at = r.failure.message.find(" is invalid: ");
    return r.ok ? "accepted" : r.failure.message.substr(at == std::string::npos ? 0 : at + 13);
  }
};

constexpr const char* ingress = "ingresses.networking.k8s.io";
constexpr const char* netpol = "networkpolicies.networking.k8s.io";
constexpr const char* role = "roles.rbac.authorization.k8s.io";
constexpr const char* binding = "rolebindings.rbac.authorization.k8s.io";
constexpr const char* hpa = "horizontalpodautoscalers.autoscaling";
constexpr const char* hooks = "validatingwebhookconfigurations.admissionregistration.k8s.io";

std::string rule(const std::string& path) {
  return R"("spec":{"rules":[{"host":"a.example","http":{"paths":[)" + path + "]}}]}";
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(rules, with_rules)

BOOST_AUTO_TEST_CASE(ingresses) {
  BOOST_TEST(why(ingress, R"("spec":{})") ==
             "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified");
  const std::string backend = R"("backend":{"service":{"name":"s","port":{"number":80}}})";
  BOOST_TEST(why(ingress, rule(R"({"path":"a","pathType":"Prefix",)" + backend + "}")) ==
             "spec.rules[0].http.paths[0].path: Invalid value: \"a\": must be an absolute path");
  BOOST_TEST(why(ingress, rule("{" + backend + "}")) ==
             "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified");
  BOOST_TEST(why(ingress, rule(R"({"path":"/","pathType":"Odd",)" + backend + "}")) ==
             "spec.rules[0].http.paths[0].pathType: Unsupported value: \"Odd\": supported values: "
             "\"Exact\", \"ImplementationSpecific\", \"Prefix\"");
  BOOST_TEST(
      why(ingress, rule(R"({"path":"/","pathType":"Exact","backend":{"service":{"name":"s"}}})")) ==
      "spec.rules[0].http.paths[0].backend: Required value: port name or number is "
      "required");
  BOOST_TEST(why(ingress, R"("spec":{"rules":[{"host":"1.2.3.4"}]})") ==
             "spec.rules[0].host: Invalid value: \"1.2.3.4\": must be a DNS name, not an IP "
             "address");
  BOOST_TEST(why(ingress, rule(R"({"path":"/","pathType":"Exact",)" + backend + "}")) ==
             "accepted");
}

BOOST_AUTO_TEST_CASE(network_policies) {
  BOOST_TEST(why(netpol, R"("spec":{"ingress":[{"from":[{}]}]})") ==
             "spec.ingress[0].from[0]: Required value: must specify a peer");
  BOOST_TEST(why(netpol, R"("spec":{"egress":[{"to":[{"podSelector":{},
             "ipBlock":{"cidr":"10.0.0.0/8"}}]}]})") ==
             "spec.egress[0].to[0]: Forbidden: may not specify both ipBlock and another peer");
  BOOST_TEST(why(netpol, R"("spec":{"egress":[{"to":[{"ipBlock":{"cidr":"10.0.0.0/8",
             "except":["11.0.0.0/16"]}}]}]})") ==
             "spec.egress[0].to[0].ipBlock.except[0]: Invalid value: \"11.0.0.0/16\": must be a "
             "strict subset of `cidr`");
  BOOST_TEST(why(netpol, R"("spec":{"ingress":[{"ports":[{"port":"web","endPort":9}]}]})") ==
             "spec.ingress[0].ports[0].endPort: Invalid value: 9: may not be specified when "
             "`port` is non-numeric");
  BOOST_TEST(why(netpol, R"("spec":{"podSelector":{},"egress":[{}]})") == "accepted");
  BOOST_TEST(text_at(*get(netpol, "default", "x"), {"spec", "policyTypes"}) ==
             R"(["Ingress","Egress"])");
}

BOOST_AUTO_TEST_CASE(roles_and_bindings) {
  BOOST_TEST(why(role, R"("rules":[{"apiGroups":[""],"resources":["pods"]}])") ==
             "rules[0].verbs: Required value: verbs must contain at least one value");
  BOOST_TEST(why(role, R"("rules":[{"verbs":["get"],"nonResourceURLs":["/x"]}])") ==
             "rules[0].nonResourceURLs: Invalid value: [\"/x\"]: namespaced rules cannot apply to "
             "non-resource URLs");
  BOOST_TEST(why(binding, R"("roleRef":{"kind":"Odd","name":"r"})") ==
             "roleRef.kind: Unsupported value: \"Odd\": supported values: \"ClusterRole\", "
             "\"Role\"");
  BOOST_TEST(why(binding, R"("roleRef":{"kind":"Role","name":"r"},
             "subjects":[{"kind":"User","name":"u"}])") == "accepted");
  auto o = get(binding, "default", "x");
  BOOST_TEST(text_at(*o, {"roleRef", "apiGroup"}) == "rbac.authorization.k8s.io");
  BOOST_TEST(text_at(*o, {"subjects"}).find(R"("apiGroup":"rbac.authorization.k8s.io")") !=
             std::string::npos);
  BOOST_TEST(why_not(binding, R"({"roleRef":{"name":"other"}})").find("cannot change roleRef") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(budgets_priorities_quotas_and_limits) {
  BOOST_TEST(why("poddisruptionbudgets.policy", R"("spec":{"minAvailable":1,"maxUnavailable":1})")
                 .find("minAvailable and maxUnavailable cannot be both set") != std::string::npos);
  BOOST_TEST(cluster_wide("priorityclasses.scheduling.k8s.io", R"("value":2000000000)") ==
             "value: Forbidden: maximum allowed value of a user defined priority is 1000000000");
  BOOST_TEST(cluster_wide("priorityclasses.scheduling.k8s.io", R"("value":5)") == "accepted");
  BOOST_TEST(why_not("priorityclasses.scheduling.k8s.io", R"({"value":6})", "") ==
             "value: Forbidden: may not be changed in an update.");
  BOOST_TEST(why("resourcequotas", R"("spec":{"hard":{"odd":"1"}})") ==
             "spec.hard[odd]: Invalid value: \"odd\": must be a standard resource for quotas");
  BOOST_TEST(why("resourcequotas", R"("spec":{"hard":{"pods":"1500m"}})") ==
             "spec.hard[pods]: Invalid value: \"1500m\": must be an integer");
  BOOST_TEST(why("resourcequotas",
                 R"("spec":{"hard":{"pods":"1"},"scopes":["Terminating","NotTerminating"]})")
                 .find("conflicting scopes") != std::string::npos);
  BOOST_TEST(why("limitranges", R"("spec":{"limits":[{"type":"Pod","max":{"cpu":"1"},
             "min":{"cpu":"2"}}]})") ==
             "spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max "
             "value 1");
}

BOOST_AUTO_TEST_CASE(autoscalers) {
  const std::string target = R"("scaleTargetRef":{"kind":"Deployment","name":"d"})";
  BOOST_TEST(why(hpa, R"("spec":{"minReplicas":3,"maxReplicas":2,)" + target + "}") ==
             "spec.maxReplicas: Invalid value: 2: must be greater than or equal to "
             "`minReplicas`");
  BOOST_TEST(why(hpa, R"("spec":{"maxReplicas":2,"metrics":[{"type":"Pods"}],)" + target + "}") ==
             "spec.metrics[0].pods: Required value: must populate information for the given "
             "metric source");
  BOOST_TEST(why(hpa, R"("spec":{"maxReplicas":2,"behavior":{"scaleDown":
             {"stabilizationWindowSeconds":4000}},)" +
                          target + "}") ==
             "spec.behavior.scaleDown.stabilizationWindowSeconds: Invalid value: 4000: must be "
             "less than or equal to 3600");
  BOOST_TEST(why(hpa, R"("spec":{"maxReplicas":2,)" + target + "}") == "accepted");
  BOOST_TEST(text_at(*get(hpa, "default", "x"), {"spec", "metrics"}) ==
             R"([{"type":"Resource","resource":{"name":"cpu","target":)"
             R"({"type":"Utilization","averageUtilization":80}}}])");
}

BOOST_AUTO_TEST_CASE(volumes_and_claims) {
  BOOST_TEST(cluster_wide("persistentvolumes", R"("spec":{"capacity":{"storage":"1Gi"},
             "accessModes":["ReadWriteOnce"]})") ==
             "spec: Required value: must specify a volume type");
  BOOST_TEST(cluster_wide("persistentvolumes", R"("spec":{"capacity":{"storage":"1Gi"},
             "accessModes":["ReadWriteOnce"],"hostPath":{"path":"/a"},
             "nfs":{"server":"s","path":"/p"}})") ==
             "spec.nfs: Forbidden: may not specify more than 1 volume type");
  BOOST_TEST(cluster_wide("persistentvolumes", R"("spec":{"capacity":{"storage":"1Gi"},
             "accessModes":["ReadWriteOnce"],"hostPath":{"path":"/a"}})") == "accepted");
  BOOST_TEST(text_at(*get("persistentvolumes", "", "x"), {"status", "phase"}) == "Pending");
  BOOST_TEST(text_at(*get("persistentvolumes", "", "x"),
                     {"spec", "persistentVolumeReclaimPolicy"}) == "Retain");
  BOOST_TEST(why("persistentvolumeclaims", R"("spec":{"accessModes":["ReadWriteOnce"]})") ==
             "spec.resources[storage]: Required value");
  const std::string sized = R"("resources":{"requests":{"storage":"1Gi"}})";
  BOOST_TEST(why("persistentvolumeclaims",
                 R"("spec":{"accessModes":["ReadWriteOncePod","ReadWriteOnce"],)" + sized + "}") ==
             "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes");
  BOOST_TEST(why("persistentvolumeclaims",
                 R"("spec":{"accessModes":["ReadWriteOnce"],)" + sized + "}") == "accepted");
  BOOST_TEST(why_not("persistentvolumeclaims", R"({"spec":{"volumeName":"pv"}})") == "accepted");
  BOOST_TEST(why_not("persistentvolumeclaims", R"({"spec":{"volumeName":"other"}})")
                 .find("spec: Forbidden: spec is immutable after creation except "
                       "resources.requests") == 0u);
}

BOOST_AUTO_TEST_CASE(storage_classes_keep_their_provisioner) {
  const auto* resource = "storageclasses.storage.k8s.io";
  BOOST_TEST(cluster_wide(resource, R"("parameters":{})") == "provisioner: Required value");
  BOOST_TEST(cluster_wide(resource, R"("provisioner":"p.example/x")") == "accepted");
  BOOST_TEST(why_not(resource, R"({"provisioner":"other"})", "") ==
             "provisioner: Forbidden: updates to provisioner are forbidden.");
  BOOST_TEST(text_at(*get(resource, "", "x"), {"volumeBindingMode"}) == "Immediate");
}

BOOST_AUTO_TEST_CASE(webhooks) {
  const std::string rest =
      R"("sideEffects":"None","admissionReviewVersions":["v1"],"rules":[{"operations":["CREATE"],)"
      R"("apiGroups":[""],"apiVersions":["v1"],"resources":["pods"]}])";
  BOOST_TEST(
      cluster_wide(hooks, R"("webhooks":[{"name":"a.b","clientConfig":{"url":"https://h/p"},)" +
                              rest + "}]") ==
      "webhooks[0].name: Invalid value: \"a.b\": should be a domain with at least three "
      "segments separated by dots");
  BOOST_TEST(
      cluster_wide(hooks, R"("webhooks":[{"name":"a.b.c","clientConfig":{},)" + rest + "}]") ==
      "webhooks[0].clientConfig: Required value: exactly one of url or service is "
      "required");
  BOOST_TEST(cluster_wide(hooks, R"("webhooks":[{"name":"a.b.c","timeoutSeconds":31,
             "clientConfig":{"url":"https://h/p"},)" +
                                     rest + "}]") ==
             "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 "
             "and 30 seconds");
  BOOST_TEST(
      cluster_wide(hooks, R"("webhooks":[{"name":"a.b.c","clientConfig":{"url":"https://h/p"},
             "sideEffects":"None","admissionReviewVersions":["v9"]}])") ==
      "webhooks[0].admissionReviewVersions: Invalid value: [\"v9\"]: must include at least "
      "one of v1, v1beta1");
  BOOST_TEST(cluster_wide(hooks, R"("webhooks":[{"name":"a.b.c","clientConfig":{"service":
             {"namespace":"n","name":"s"}},)" +
                                     rest + "}]") == "accepted");
  auto o = get(hooks, "", "x");
  BOOST_TEST(text_at(*o, {"webhooks"}).find(R"("failurePolicy":"Fail")") != std::string::npos);
  BOOST_TEST(o->meta().generation == 1);
}

BOOST_AUTO_TEST_CASE(admission_policies) {
  const auto* policy = "validatingadmissionpolicies.admissionregistration.k8s.io";
  const auto* bound = "validatingadmissionpolicybindings.admissionregistration.k8s.io";
  const std::string match =
      R"("matchConstraints":{"resourceRules":[{"operations":["*"],"apiGroups":["*"],)"
      R"("apiVersions":["*"],"resources":["*"]}]})";
  BOOST_TEST(cluster_wide(policy, R"("spec":{)" + match + "}") ==
             "spec.validations: Required value: validations or auditAnnotations must be specified");
  BOOST_TEST(cluster_wide(policy, R"("spec":{"validations":[{"expression":"true"}],)" + match +
                                      "}") == "accepted");
  BOOST_TEST(cluster_wide(bound, R"("spec":{"policyName":"x","validationActions":["Deny","Warn"]})")
                 .find("must not contain both Deny and Warn") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(addresses_are_canonical) {
  BOOST_TEST(cluster_wide("ipaddresses.networking.k8s.io", R"("spec":{})", "10.0.0.1") ==
             "spec.parentRef: Required value");
  BOOST_TEST(cluster_wide("servicecidrs.networking.k8s.io",
                          R"("spec":{"cidrs":["10.0.0.0/8","11.0.0.0/8"]})")
                 .find("may specify no more than one IP for each IP family") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_signing_request_is_of_who_sends_it_and_approved_apart) {
  const auto* csr = "certificatesigningrequests.certificates.k8s.io";
  BOOST_TEST(cluster_wide(csr, R"("spec":{"request":"eA==","signerName":"a.b/c","usages":["any"]})")
                 .find("spec.request: Invalid value") == 0u);
}

BOOST_AUTO_TEST_CASE(device_claims_name_what_they_ask_for) {
  const auto* claim = "resourceclaims.resource.k8s.io";
  BOOST_TEST(why(claim, R"("spec":{"devices":{"requests":[{"name":"r"}]}})") ==
             "spec.devices.requests[0]: Required value: exactly one of `exactly` or "
             "`firstAvailable` is required");
  BOOST_TEST(why(claim, R"("spec":{"devices":{"requests":[{"name":"r",
             "exactly":{"deviceClassName":"c"}}]}})") == "accepted");
  BOOST_TEST(text_at(*get(claim, "default", "x"), {"spec", "devices", "requests"})
                 .find(R"("allocationMode":"ExactCount","count":1)") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
