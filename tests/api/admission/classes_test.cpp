// Plug-ins that fill in, or hold to, what classes say.
#include "api/admission/plugins.hpp"
#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using thespis::api::testing::cluster;
using thespis::api::testing::text_at;

namespace {

struct classes : cluster {
  reply pod(const std::string& spec) {
    return create("pods", "default",
                  R"({"metadata":{"name":"p"},"spec":{)" + spec +
                      R"("containers":[{"name":"c","image":"i"}]}})");
  }
  void storage_class(const std::string& name, bool by_default, bool grows = false) {
    ok(create("storageclasses.storage.k8s.io", "",
              R"({"metadata":{"name":")" + name + R"(","annotations":{
                  "storageclass.kubernetes.io/is-default-class":")" +
                  (by_default ? "true" : "false") +
                  R"("}},"provisioner":"x","allowVolumeExpansion":)" + (grows ? "true" : "false") +
                  "}"));
  }
  reply claim(const std::string& spec = {}) {
    return create("persistentvolumeclaims", "default",
                  R"({"metadata":{"name":"v"},"spec":{"accessModes":["ReadWriteOnce"],
                      "resources":{"requests":{"storage":"1Gi"}})" +
                      spec + "}}");
  }
  /// Deletes the claim as its controller does: finalizers first.
  void drop_claim(const std::string& name = "v") {
    ok(remove("persistentvolumeclaims", "default", name));
    ok(patch("persistentvolumeclaims", "default", name, R"({"metadata":{"finalizers":null}})"));
  }
  reply grow() {
    return patch("persistentvolumeclaims", "default", "v",
                 R"({"spec":{"resources":{"requests":{"storage":"2Gi"}}}})");
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(admission_classes, classes)

BOOST_AUTO_TEST_CASE(priority_comes_from_the_class_or_the_default_one) {
  ok(create("priorityclasses.scheduling.k8s.io", "",
            R"({"metadata":{"name":"high"},"value":1000,"preemptionPolicy":"Never"})"));
  auto o = ok(pod(R"("priorityClassName":"high",)")).object;
  BOOST_TEST(text_at(*o, {"spec", "priority"}) == "1000");
  BOOST_TEST(text_at(*o, {"spec", "preemptionPolicy"}) == "Never");
  ok(remove("pods", "default", "p"));
  BOOST_TEST(pod(R"("priorityClassName":"high","priority":7,)").failure.message ==
             "pods \"p\" is forbidden: the integer value of priority (7) must not be provided in "
             "pod spec; priority admission controller computed 1000 from the given PriorityClass "
             "name");
  BOOST_TEST(
      pod(R"("priorityClassName":"high","preemptionPolicy":"PreemptLowerPriority",)")
          .failure.message ==
      "pods \"p\" is forbidden: the string value of PreemptionPolicy (PreemptLowerPriority) must "
      "not be provided in pod spec; priority admission controller computed Never from the given "
      "PriorityClass name");
  ok(create("priorityclasses.scheduling.k8s.io", "",
            R"({"metadata":{"name":"usual"},"value":5,"globalDefault":true})"));
  o = ok(pod("")).object;
  BOOST_TEST(text_at(*o, {"spec", "priority"}) == "5");
  BOOST_TEST(text_at(*o, {"spec", "priorityClassName"}) == "usual");
  BOOST_TEST(create("priorityclasses.scheduling.k8s.io", "",
                    R"({"metadata":{"name":"other"},"value":6,"globalDefault":true})")
                 .failure.message ==
             "priorityclasses.scheduling.k8s.io \"other\" is forbidden: PriorityClass usual is "
             "already marked as default. Only one default can exist");
  ok(patch("priorityclasses.scheduling.k8s.io", "", "usual", R"({"description":"d"})"));
}

BOOST_AUTO_TEST_CASE(priorities_of_the_system_are_its_own) {
  auto make_class = [&](const std::string& name, const std::string& value) {
    return create("priorityclasses.scheduling.k8s.io", "",
                  R"({"metadata":{"name":")" + name + R"("},"value":)" + value + "}");
  };
  BOOST_TEST(make_class("mine", "1000000001").failure.message ==
             "PriorityClass.scheduling.k8s.io \"mine\" is invalid: value: Forbidden: maximum "
             "allowed value of a user defined priority is 1000000000");
  BOOST_TEST(make_class("system-mine", "1").failure.message ==
             "PriorityClass.scheduling.k8s.io \"system-mine\" is invalid: metadata.name: "
             "Forbidden: priority class names with 'system-' prefix are reserved for system use "
             "only. error: system-mine is not a known system priority class");
  ok(make_class("system-node-critical", "2000001000"));
}

BOOST_AUTO_TEST_CASE(a_runtime_class_tells_its_overhead_and_its_nodes) {
  BOOST_TEST(pod(R"("runtimeClassName":"vm",)").failure.message ==
             "pods \"p\" is forbidden: pod rejected: RuntimeClass \"vm\" not found");
  ok(create("runtimeclasses.node.k8s.io", "", R"({"metadata":{"name":"vm"},"handler":"vm",
      "overhead":{"podFixed":{"cpu":"250m"}},
      "scheduling":{"nodeSelector":{"kind":"vm"},
                    "tolerations":[{"key":"vm","operator":"Exists","effect":"NoSchedule"}]}})"));
  auto o = ok(pod(R"("runtimeClassName":"vm","nodeSelector":{"a":"b"},
      "tolerations":[{"key":"vm","operator":"Equal","value":"x","effect":"NoSchedule"}],)"))
               .object;
  BOOST_TEST(text_at(*o, {"spec", "overhead"}) == R"({"cpu":"250m"})");
  BOOST_TEST(text_at(*o, {"spec", "nodeSelector"}) == R"({"a":"b","kind":"vm"})");
  auto tolerations = text_at(*o, {"spec", "tolerations"});
  BOOST_TEST(tolerations.find(R"({"key":"vm","operator":"Exists","effect":"NoSchedule"})") !=
             tolerations.npos);
  BOOST_TEST(tolerations.find("Equal") == tolerations.npos);
  ok(remove("pods", "default", "p"));
  BOOST_TEST(pod(R"("runtimeClassName":"vm","nodeSelector":{"kind":"metal"},)").failure.message ==
             "pods \"p\" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[kind] = vm; "
             "pod.spec.nodeSelector[kind] = metal");
  BOOST_TEST(
      pod(R"("runtimeClassName":"vm","overhead":{"cpu":"1"},)").failure.message ==
      "pods \"p\" is forbidden: pod rejected: Pod's Overhead doesn't match RuntimeClass's defined "
      "Overhead");
  BOOST_TEST(pod(R"("overhead":{"cpu":"1"},)").failure.message ==
             "pods \"p\" is forbidden: pod rejected: Pod Overhead set without corresponding "
             "RuntimeClass defined Overhead");
}

BOOST_AUTO_TEST_CASE(claims_get_the_newest_default_class) {
  auto o = ok(claim()).object;
  BOOST_TEST(text_at(*o, {"spec", "storageClassName"}) == "");
  drop_claim();
  storage_class("a", true);
  advance(std::chrono::seconds{1});
  storage_class("z", true);
  storage_class("y", true);
  storage_class("b", false);
  o = ok(claim()).object;
  BOOST_TEST(text_at(*o, {"spec", "storageClassName"}) == "y");
  drop_claim();
  o = ok(claim(R"(,"storageClassName":"")")).object;
  BOOST_TEST(text_at(*o, {"spec", "storageClassName"}) == "");
}

BOOST_AUTO_TEST_CASE(claims_and_volumes_stay_while_in_use) {
  BOOST_TEST(text_at(*ok(claim()).object, {"metadata", "finalizers"}) ==
             R"(["kubernetes.io/pvc-protection"])");
  auto o = ok(create("persistentvolumes", "",
                     R"({"metadata":{"name":"w","finalizers":["kubernetes.io/pv-protection"]},
                         "spec":{"accessModes":["ReadWriteOnce"],"capacity":{"storage":"1Gi"},
                                 "hostPath":{"path":"/x"}}})"))
               .object;
  BOOST_TEST(text_at(*o, {"metadata", "finalizers"}) == R"(["kubernetes.io/pv-protection"])");
}

BOOST_AUTO_TEST_CASE(claims_grow_when_bound_and_their_class_lets_them) {
  storage_class("fixed", false);
  storage_class("wide", false, true);
  const std::string prefix = "persistentvolumeclaims \"v\" is forbidden: ";
  auto bind = [&] {
    ok(patch("persistentvolumeclaims", "default", "v", R"({"status":{"phase":"Bound"}})",
             patch_kind::json_merge, "status"));
  };
  ok(claim(R"(,"storageClassName":"fixed")"));
  bind();
  auto r = grow();
  BOOST_TEST(!r.ok);
  BOOST_TEST(r.failure.message ==
             prefix + "only dynamically provisioned pvc can be resized and the storageclass that "
                      "provisions the pvc must support resize");
  drop_claim();
  ok(claim(R"(,"storageClassName":"wide")"));
  bind();
  ok(grow());
}

BOOST_AUTO_TEST_CASE(ingresses_get_the_default_class) {
  ok(create("ingressclasses.networking.k8s.io", "", R"({"metadata":{"name":"nginx","annotations":{
      "ingressclass.kubernetes.io/is-default-class":"true"}},"spec":{"controller":"x/y"}})"));
  auto ingress = [&](const std::string& name, const std::string& metadata) {
    return ok(create("ingresses.networking.k8s.io", "default",
                     R"({"metadata":{"name":")" + name + "\"" + metadata +
                         R"(},"spec":{"defaultBackend":
                         {"service":{"name":"s","port":{"number":80}}}}})"))
        .object;
  };
  BOOST_TEST(text_at(*ingress("a", ""), {"spec", "ingressClassName"}) == "nginx");
  BOOST_TEST(text_at(*ingress("b", R"(,"annotations":{"kubernetes.io/ingress.class":"old"})"),
                     {"spec", "ingressClassName"}) == "");
}

BOOST_AUTO_TEST_CASE(services_claim_addresses_outside_only_where_nobody_denies_it) {
  auto service = [&](const std::string& ips) {
    return R"({"metadata":{"name":"s"},"spec":{"ports":[{"port":80}],"externalIPs":[)" + ips +
           "]}}";
  };
  cluster strict{{admission::deny_service_external_ips()}};
  BOOST_TEST(strict.create("services", "default", service(R"("198.51.100.1")")).failure.message ==
             "services \"s\" is forbidden: use of external IPs is denied by admission control");
  ok(strict.create("services", "default", service("")));
  ok(create("services", "default", service(R"("198.51.100.1")")));
}

BOOST_AUTO_TEST_CASE(nobody_asks_to_be_a_master) {
  // CN=jane, O=system:masters.
  const std::string request =
      "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIak1JR0tBZ0VBTUNneERUQUxCZ05W"
      "QkFNTUJHcGhibVV4RnpBVkJnTlZCQW9NRG5ONWMzUmxiVHB0WVhOMApaWEp6TUZrd0V3WUhLb1pJemow"
      "Q0FRWUlLb1pJemowREFRY0RRZ0FFV1MwZ3h5ZGxHNXYrTFJ4ZjcyN0tmNTA0CmhGNUxpWU9vMlJqc3Fp"
      "d0ZqcjJKNk4vTjVWNDc0UzJNQjU2SlZRSnM3YU1TbmlQdWFDbFNUeDVNQStLbXk2QUEKTUFvR0NDcUdT"
      "TTQ5QkFNQ0EwZ0FNRVVDSVFDd1dYRDN2RVh0QVJVZHMwNE41bWxlbXh1MUcwemZWQmZJL1hXSQpOeWh2"
      "MXdJZ0NZUmtKV0hZcGpBWWFxRWlNTDl2bmtVb2Z0ckZNaDQ1NmgzUUJSb3o3Qmc9Ci0tLS0tRU5EIENF"
      "UlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=";
  auto ask = [&](const std::string& signer) {
    return create("certificatesigningrequests.certificates.k8s.io", "",
                  R"({"metadata":{"name":"r"},"spec":{"signerName":")" + signer +
                      R"(","usages":["client auth"],"request":")" + request + "\"}}");
  };
  BOOST_TEST(ask("kubernetes.io/kube-apiserver-client").failure.message ==
             "certificatesigningrequests.certificates.k8s.io \"r\" is forbidden: use of "
             "kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed");
  BOOST_TEST(ask("example.com/own").ok);
}

BOOST_AUTO_TEST_SUITE_END()
