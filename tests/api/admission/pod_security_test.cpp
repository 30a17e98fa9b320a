#include "api/admission/pod_security_checks.hpp"

#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using namespace thespis::api::admission;
using thespis::api::testing::cluster;

namespace {

/// What a pod with that container context, pod context and spec breaks.
std::string broken(security_level level, const std::string& container, const std::string& spec = {},
                   int minor = security_standard::latest, const std::string& metadata = {}) {
  auto doc = json::parse(R"({"metadata":{)" + metadata + R"(},"spec":{)" + spec +
                         (spec.empty() ? "" : ",") + R"("containers":[{"name":"a","image":"i")" +
                         container + "}]}}");
  BOOST_REQUIRE(doc);
  return describe(check_pod_security({level, minor}, (*doc)["metadata"], (*doc)["spec"]));
}
std::string baseline(const std::string& container, const std::string& spec = {},
                     int minor = security_standard::latest, const std::string& metadata = {}) {
  return broken(security_level::baseline, container, spec, minor, metadata);
}
/// Of a pod that would be fine without these.
std::string restricted(const std::string& context, const std::string& spec = {},
                       int minor = security_standard::latest) {
  return broken(security_level::restricted,
                R"(,"securityContext":{"allowPrivilegeEscalation":false,"runAsNonRoot":true,
                   "capabilities":{"drop":["ALL"]},"seccompProfile":{"type":"RuntimeDefault"})" +
                    context + "}",
                spec, minor);
}

struct guarded : cluster {
  void space(const std::string& labels) {
    ok(create("namespaces", "", R"({"metadata":{"name":"n","labels":{)" + labels + "}}}"));
  }
  reply pod(const std::string& spec = {}) {
    return create("pods", "n",
                  R"({"metadata":{"name":"p"},"spec":{)" + spec +
                      R"("containers":[{"name":"c","image":"i"}]}})");
  }
  reply pod_named(const std::string& name) {
    return create("pods", "n",
                  R"({"metadata":{"name":")" + name +
                      R"("},"spec":{"containers":[{"name":"c","image":"i"}]}})");
  }
  static std::string label(const std::string& mode, const std::string& value) {
    return R"("pod-security.kubernetes.io/)" + mode + R"(":")" + value + "\"";
  }
};

const std::string bare =
    R"(allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"))";

} // namespace

BOOST_AUTO_TEST_SUITE(pod_security_standards)

BOOST_AUTO_TEST_CASE(let_ordinary_pods_pass_the_baseline) {
  BOOST_TEST(baseline("") == "");
  BOOST_TEST(restricted("") == "");
}

BOOST_AUTO_TEST_CASE(baseline_keeps_pods_off_the_host) {
  BOOST_TEST(baseline("", R"("hostNetwork":true,"hostPID":true)") ==
             "host namespaces (hostNetwork=true, hostPID=true)");
  BOOST_TEST(baseline(R"(,"ports":[{"containerPort":80,"hostPort":80}])") ==
             R"(hostPort (container "a" uses hostPort 80))");
  BOOST_TEST(baseline("", R"("volumes":[{"name":"v","hostPath":{"path":"/"}}])") ==
             R"(hostPath volumes (volume "v"))");
  BOOST_TEST(baseline(R"(,"securityContext":{"privileged":true})") ==
             R"(privileged (container "a" must not set securityContext.privileged=true))");
  BOOST_TEST(baseline(R"(,"securityContext":{"procMount":"Unmasked"})") ==
             R"(procMount (container "a" must not set securityContext.procMount to "Unmasked"))");
  BOOST_TEST(baseline("", R"("securityContext":{"windowsOptions":{"hostProcess":true}})") ==
             R"(hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true))");
}

BOOST_AUTO_TEST_CASE(baseline_limits_what_is_added) {
  BOOST_TEST(
      baseline(R"(,"securityContext":{"capabilities":{"add":["NET_ADMIN","CHOWN"]}})") ==
      R"(non-default capabilities (container "a" must not include "NET_ADMIN" in securityContext.capabilities.add))");
  BOOST_TEST(
      baseline(R"(,"securityContext":{"seLinuxOptions":{"type":"x","user":"u"}})") ==
      R"(seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: type "x"; user may not be set))");
  BOOST_TEST(
      baseline("", R"("securityContext":{"seccompProfile":{"type":"Unconfined"}})") ==
      R"(seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined"))");
  BOOST_TEST(
      baseline(R"(,"securityContext":{"appArmorProfile":{"type":"Unconfined"}})") ==
      R"(forbidden AppArmor profile (container "a" must not set AppArmor profile type to "Unconfined"))");
  BOOST_TEST(baseline("", R"("securityContext":{"sysctls":[{"name":"kernel.msgmax"}]})") ==
             "forbidden sysctls (kernel.msgmax)");
}

BOOST_AUTO_TEST_CASE(follow_the_version_that_is_named) {
  auto probe = R"(,"livenessProbe":{"httpGet":{"host":"10.0.0.1","port":1}})";
  BOOST_TEST(baseline(probe) ==
             R"(probe or lifecycle host (container "a" uses probe or lifecycle host "10.0.0.1"))");
  BOOST_TEST(baseline(probe, {}, 33) == "");
  auto sysctl = R"("securityContext":{"sysctls":[{"name":"net.ipv4.tcp_rmem"}]})";
  BOOST_TEST(baseline("", sysctl) == "");
  BOOST_TEST(baseline("", sysctl, 31) == "forbidden sysctls (net.ipv4.tcp_rmem)");
  auto engine = R"(,"securityContext":{"seLinuxOptions":{"type":"container_engine_t"}})";
  BOOST_TEST(baseline(engine) == "");
  BOOST_TEST(baseline(engine, {}, 30) != "");
  BOOST_TEST(
      baseline("", {}, 18,
               R"("annotations":{"seccomp.security.alpha.kubernetes.io/pod":"unconfined"})") ==
      R"(seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined"))");
  BOOST_TEST(restricted(R"(,"runAsUser":0)", {}, 22) == "");
  BOOST_TEST(broken(security_level::restricted, "", R"("os":{"name":"windows"},
                    "securityContext":{"runAsNonRoot":true})") == "");
}

BOOST_AUTO_TEST_CASE(restricted_wants_everything_said) {
  BOOST_TEST(restricted(R"(,"runAsUser":0)") ==
             R"(runAsUser=0 (container "a" must not set runAsUser=0))");
  BOOST_TEST(restricted("", R"("volumes":[{"name":"v","nfs":{"server":"s","path":"/"}},
                                   {"name":"w","emptyDir":{}}])") ==
             R"(restricted volume types (volume "v" uses restricted volume type "nfs"))");
  // The stricter check says it; the baseline's own is not repeated.
  BOOST_TEST(restricted("", R"("volumes":[{"name":"v","hostPath":{"path":"/"}}])") ==
             R"(restricted volume types (volume "v" uses restricted volume type "hostPath"))");
  BOOST_TEST(
      restricted("", R"("initContainers":[{"name":"b","image":"i","securityContext":{
          "allowPrivilegeEscalation":false,"runAsNonRoot":false,
          "capabilities":{"drop":["ALL"],"add":["CHOWN"]},
          "seccompProfile":{"type":"Localhost"}}}])") ==
      R"(unrestricted capabilities (container "b" must not include "CHOWN" in securityContext.capabilities.add), runAsNonRoot != true (container "b" must not set securityContext.runAsNonRoot=false))");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(pod_security, guarded)

BOOST_AUTO_TEST_CASE(refuses_what_the_namespace_enforces) {
  space(label("enforce", "restricted"));
  auto r = pod();
  BOOST_TEST(http_code(r.failure.why) == 403);
  BOOST_TEST(r.failure.message ==
             "pods \"p\" is forbidden: violates PodSecurity \"restricted:latest\": " + bare);
  r = pod(R"("hostNetwork":true,)");
  BOOST_TEST(r.failure.message.starts_with(
      "pods \"p\" is forbidden: violates PodSecurity \"restricted:latest\": host namespaces "
      "(hostNetwork=true), allowPrivilegeEscalation != false"));
}

BOOST_AUTO_TEST_CASE(warns_of_pods_and_of_templates) {
  space(label("warn", "restricted") + "," + label("warn-version", "v1.25"));
  auto r = ok(pod());
  BOOST_REQUIRE(r.warnings.size() == 1u);
  BOOST_TEST(r.warnings[0] == "would violate PodSecurity \"restricted:v1.25\": " + bare);
  r = ok(create("deployments.apps", "n", R"({"metadata":{"name":"d"},
      "spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},
      "spec":{"containers":[{"name":"c","image":"i"}]}}}})"));
  BOOST_REQUIRE(r.warnings.size() == 1u);
  BOOST_TEST(r.warnings[0] == "would violate PodSecurity \"restricted:v1.25\": " + bare);
}

BOOST_AUTO_TEST_CASE(warns_of_templates_whose_pods_will_be_refused) {
  space(label("enforce", "baseline"));
  auto r = ok(create("replicationcontrollers", "n", R"({"metadata":{"name":"d"},
      "spec":{"selector":{"a":"b"},"template":{"metadata":{"labels":{"a":"b"}},
      "spec":{"hostIPC":true,"containers":[{"name":"c","image":"i"}]}}}})"));
  BOOST_REQUIRE(r.warnings.size() == 1u);
  BOOST_TEST(r.warnings[0] ==
             "would violate PodSecurity \"baseline:latest\": host namespaces (hostIPC=true)");
}

BOOST_AUTO_TEST_CASE(lets_running_pods_be_but_not_be_made_worse) {
  space("");
  ok(pod(R"("hostPID":true,)"));
  ok(pod_named("q"));
  auto r = ok(patch("namespaces", "", "n",
                    R"({"metadata":{"labels":{)" + label("enforce", "baseline") + "}}}"));
  BOOST_TEST(r.warnings ==
                 (std::vector<std::string>{
                     "existing pods in namespace \"n\" violate the new PodSecurity enforce level "
                     "\"baseline:latest\"",
                     "p: host namespaces"}),
             boost::test_tools::per_element());
  ok(patch("pods", "n", "p", R"({"metadata":{"labels":{"a":"b"}}})"));
  ok(patch("pods", "n", "p", R"({"status":{"phase":"Running"}})", patch_kind::json_merge,
           "status"));
  auto worse = patch("pods", "n", "p", R"({"spec":{"containers":[{"name":"c","image":"j"}]}})",
                     patch_kind::strategic_merge);
  BOOST_TEST(worse.failure.message == "pods \"p\" is forbidden: violates PodSecurity "
                                      "\"baseline:latest\": host namespaces (hostPID=true)");
}

BOOST_AUTO_TEST_CASE(refuses_labels_that_say_nothing) {
  auto r = create("namespaces", "",
                  R"({"metadata":{"name":"n","labels":{)" + label("enforce", "strict") + "," +
                      label("warn-version", "v2.0") + "}}}");
  BOOST_TEST(http_code(r.failure.why) == 422);
  BOOST_TEST(
      r.failure.message ==
      R"(Namespace "n" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "v2.0": must be "latest" or "v1.x"])");
}

BOOST_AUTO_TEST_SUITE_END()
