#include "api/validation/pod.hpp"

#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;

namespace {

/// What is wrong with a pod of that spec, one "field: message" a line.
std::string problems(const std::string& spec) {
  testing::cluster c;
  auto r = c.create("pods", "default", R"({"metadata":{"name":"p"},"spec":)" + spec + "}");
  if (!r.ok && r.failure.causes.empty())
    return r.failure.message;
  std::string out;
  for (const auto& cause : r.failure.causes)
    out += (out.empty() ? "" : "\n") + cause.field + ": " + cause.message;
  return out;
}

std::string in_container(const std::string& members) {
  return problems(R"({"containers":[{"name":"c","image":"i",)" + members + "}]}");
}

std::string beside_container(const std::string& members) {
  return problems(R"({"containers":[{"name":"c","image":"i"}],)" + members + "}");
}

} // namespace

BOOST_AUTO_TEST_SUITE(pod_validation)

BOOST_AUTO_TEST_CASE(accepts_a_plain_pod) {
  BOOST_TEST(problems(R"({"containers":[{"name":"c","image":"i"}]})") == "");
}

BOOST_AUTO_TEST_CASE(survives_specs_of_any_shape) {
  for (const auto* spec :
       {"null", "[]", "7", R"("x")", R"({"containers":7,"volumes":{"a":1}})",
        R"({"containers":[7,null,"x",{"ports":[1],"env":[[]],"resources":7,"volumeMounts":[""]}]})",
        R"({"containers":[{"livenessProbe":{"httpGet":[]},"lifecycle":7,"securityContext":[]}]})",
        R"({"affinity":{"nodeAffinity":7,"podAffinity":[]},"tolerations":[7],"volumes":[7,{}]})"}) {
    auto doc = json::parse(spec);
    BOOST_REQUIRE(doc);
    findings f;
    path at("spec");
    validate_pod_spec(*doc, at, f);
    json::document pod(rapidjson::kObjectType);
    json::set(pod, "spec", json::copy(*doc, pod.GetAllocator()), pod.GetAllocator());
    validate_pod(pod, f);
    validate_pod_update(pod, pod, f);
    validate_pod_status_update(pod, pod, f);
    validate_ephemeral_update(pod, pod, f);
  }
}

BOOST_AUTO_TEST_CASE(wants_unique_container_names) {
  BOOST_TEST(problems(R"({"containers":[{"name":"c","image":"i"},{"name":"c","image":"i"}]})") ==
             "spec.containers[1].name: Duplicate value: \"c\"");
  BOOST_TEST(problems(R"({"containers":[{"name":"c","image":"i"}],
                          "initContainers":[{"name":"c","image":"i"}]})") ==
             "spec.initContainers[0].name: Duplicate value: \"c\"");
}

BOOST_AUTO_TEST_CASE(wants_mounted_volumes_to_exist) {
  BOOST_TEST(in_container(R"("volumeMounts":[{"name":"v","mountPath":"/a"}])") ==
             "spec.containers[0].volumeMounts[0].name: Not found: \"v\"");
  BOOST_TEST(problems(R"({"volumes":[{"name":"v","emptyDir":{}}],"containers":[{"name":"c",
    "image":"i","volumeMounts":[{"name":"v","mountPath":"/a"},{"name":"v","mountPath":"/a"}]}]})") ==
             "spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/a\": must be unique");
  BOOST_TEST(
      beside_container(
          R"("volumes":[{"name":"v","emptyDir":{}},{"name":"v","hostPath":{"path":"/x"}}])") ==
      "spec.volumes[1].name: Duplicate value: \"v\"");
}

BOOST_AUTO_TEST_CASE(wants_requests_within_limits) {
  BOOST_TEST(in_container(R"("resources":{"requests":{"cpu":"2"},"limits":{"cpu":"1500m"}})") ==
             "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or "
             "equal to cpu limit of 1500m");
  BOOST_TEST(in_container(R"("resources":{"requests":{"bananas":"2"}})") ==
             "spec.containers[0].resources.requests[bananas]: Invalid value: \"bananas\": must be "
             "a standard resource for containers\n"
             "spec.containers[0].resources.limits: Required value: Limit must be set for non "
             "overcommitable resources");
  BOOST_TEST(in_container(R"("resources":{"requests":{"memory":"-1"}})") ==
             "spec.containers[0].resources.requests[memory]: Invalid value: \"-1\": must be "
             "greater than or equal to 0");
}

BOOST_AUTO_TEST_CASE(wants_ports_named_once_and_host_ports_free) {
  BOOST_TEST(
      in_container(R"("ports":[{"name":"a","containerPort":1},{"name":"a","containerPort":2}])") ==
      "spec.containers[0].ports[1].name: Duplicate value: \"a\"");
  BOOST_TEST(in_container(R"("ports":[{"containerPort":1,"hostPort":80},
                                      {"containerPort":2,"hostPort":80,"protocol":"TCP"}])") ==
             "spec.containers[0].ports[1].hostPort: Duplicate value: \"TCP//80\"");
  BOOST_TEST(in_container(R"("ports":[{"containerPort":70000}])") ==
             "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 "
             "and 65535, inclusive");
}

BOOST_AUTO_TEST_CASE(wants_one_source_for_a_variable) {
  BOOST_TEST(in_container(R"("env":[{"name":"A","valueFrom":{}}])") ==
             "spec.containers[0].env[0].valueFrom: Invalid value: \"\": must specify one of: "
             "`fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`");
  BOOST_TEST(in_container(R"("env":[{"name":"A","value":"x","valueFrom":{"fieldRef":
                                     {"fieldPath":"metadata.name"}}}])") ==
             "spec.containers[0].env[0].valueFrom: Invalid value: \"\": may not be specified when "
             "`value` is not empty");
  BOOST_TEST(in_container(
                 R"("env":[{"name":"A","valueFrom":{"fieldRef":{"fieldPath":"spec.colour"}}}])") ==
             "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "
             "\"spec.colour\": error converting fieldPath: field label not supported: spec.colour");
  BOOST_TEST(in_container(R"("env":[{"name":"A","valueFrom":{"fieldRef":
                                     {"fieldPath":"metadata.labels['app']"}}}])") == "");
  BOOST_TEST(in_container(R"("env":[{"name":"A","valueFrom":{"secretKeyRef":{"name":"s"}}}])") ==
             "spec.containers[0].env[0].valueFrom.secretKeyRef.key: Required value");
}

BOOST_AUTO_TEST_CASE(wants_probes_that_can_run) {
  BOOST_TEST(in_container(R"("livenessProbe":{})") ==
             "spec.containers[0].livenessProbe: Required value: must specify a handler type");
  BOOST_TEST(in_container(R"("livenessProbe":{"successThreshold":2,"tcpSocket":{"port":80}})") ==
             "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1");
  BOOST_TEST(
      in_container(R"("readinessProbe":{"exec":{"command":["a"]},"tcpSocket":{"port":1}})") ==
      "spec.containers[0].readinessProbe.tcpSocket: Forbidden: may not specify more than 1 "
      "handler type");
  BOOST_TEST(in_container(R"("readinessProbe":{"httpGet":{"path":"/","port":0}})") ==
             "spec.containers[0].readinessProbe.httpGet.port: Invalid value: 0: must be between 1 "
             "and 65535, inclusive");
  BOOST_TEST(problems(R"({"containers":[{"name":"c","image":"i"}],"initContainers":[{"name":"d",
             "image":"i","readinessProbe":{"exec":{"command":["a"]}}}]})") ==
             "spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers "
             "without restartPolicy=Always");
}

BOOST_AUTO_TEST_CASE(wants_tolerations_that_make_sense) {
  BOOST_TEST(beside_container(R"("tolerations":[{"operator":"Equal"}])") ==
             "spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when "
             "`key` is empty, which means \"match all values and all keys\"");
  BOOST_TEST(beside_container(
                 R"("tolerations":[{"key":"a","effect":"NoSchedule","tolerationSeconds":1}])") ==
             "spec.tolerations[0].effect: Invalid value: \"NoSchedule\": effect must be "
             "'NoExecute' when `tolerationSeconds` is set");
  BOOST_TEST(beside_container(R"("tolerations":[{"key":"a","operator":"Has"}])") ==
             "spec.tolerations[0].operator: Unsupported value: \"Has\": supported values: "
             "\"Equal\", \"Exists\"");
}

BOOST_AUTO_TEST_CASE(wants_affinity_that_can_be_judged) {
  BOOST_TEST(beside_container(R"("affinity":{"nodeAffinity":{
    "requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[]}}})") ==
             "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
             "nodeSelectorTerms: Required value: must have at least one node selector term");
  BOOST_TEST(beside_container(R"("affinity":{"nodeAffinity":{
    "requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[
      {"key":"a","operator":"In"}]}]}}})") ==
             "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
             "nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified "
             "when `operator` is 'In' or 'NotIn'");
  BOOST_TEST(beside_container(R"("affinity":{"podAntiAffinity":{
    "preferredDuringSchedulingIgnoredDuringExecution":[{"weight":101,"podAffinityTerm":
      {"topologyKey":"kubernetes.io/hostname"}}]}})") ==
             "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]."
             "weight: Invalid value: 101: must be in the range 1-100");
}

BOOST_AUTO_TEST_CASE(wants_dns_when_none_is_given) {
  BOOST_TEST(beside_container(R"("dnsPolicy":"None")") ==
             "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None");
}

BOOST_AUTO_TEST_CASE(wants_privileges_that_agree) {
  BOOST_TEST(
      in_container(R"("securityContext":{"privileged":true,"allowPrivilegeEscalation":false})") ==
      "spec.containers[0].securityContext: Invalid value: "
      "{\"privileged\":true,\"allowPrivilegeEscalation\":false}: cannot set "
      "`allowPrivilegeEscalation` to false and `privileged` to true");
  BOOST_TEST(in_container(R"("securityContext":{"runAsUser":-1})") ==
             "spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 "
             "and 2147483647, inclusive");
}

BOOST_AUTO_TEST_CASE(names_trust_bundles_one_way) {
  const auto of = [](const std::string& source) {
    const auto why = beside_container(
        R"("volumes":[{"name":"v","projected":{"sources":[{"clusterTrustBundle":)" + source +
        "}]}}]");
    const std::string before = "clusterTrustBundle";
    const auto at = why.find(before);
    return at == why.npos ? why : why.substr(at + before.size());
  };
  BOOST_TEST(of(R"({"name":"roots","path":"ca.pem"})") == "");
  BOOST_TEST(of(R"({"name":"example.com:one:roots","path":"d/ca.pem"})") == "");
  BOOST_TEST(of(R"({"signerName":"example.com/one","labelSelector":{},"path":"ca.pem"})") == "");
  BOOST_TEST(of(R"({"path":"x"})").find("either name or signerName must be specified") !=
             std::string::npos);
  BOOST_TEST(of(R"({"name":"a","signerName":"example.com/a","path":"x"})")
                 .find("only one of name and signerName may be used") != std::string::npos);
  BOOST_TEST(of(R"({"name":"a","labelSelector":{},"path":"x"})")
                 .find("labelSelector must be unset if name is specified") != std::string::npos);
  BOOST_TEST(of(R"({"name":"a:B","path":"x"})").find("not a valid clustertrustbundlename") !=
             std::string::npos);
  BOOST_TEST(of(R"({"signerName":"example","path":"x"})").find(".signerName: Invalid value") !=
             std::string::npos);
  BOOST_TEST(of(R"({"name":"a","path":""})").find(".path: Required value") != std::string::npos);
  BOOST_TEST(of(R"({"name":"a","path":"../x"})").find(".path: Invalid value") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
