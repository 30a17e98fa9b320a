// What a pod calls itself, and which class of service it is of.
#include "actors/pod/pod_config.hpp"
#include "actors/pod/pod_driver.hpp"

using namespace thespis;
using namespace thespis::test;

namespace {

api::v1::pod pod_of(const std::string& spec) {
  return *api::typed<api::v1::pod>(*make_pod("{spec: {" + spec + "}}"));
}

node_facts facts() {
  node_facts res;
  res.cluster_domain = "cluster.local";
  return res;
}

std::string told_by_kernel(const std::string& spec) {
  const auto name = kernel_hostname(pod_of(spec), facts());
  return name ? *name : "error: " + name.error().message;
}

} // namespace

BOOST_AUTO_TEST_SUITE(pod_names)

BOOST_AUTO_TEST_CASE(the_kernel_tells_the_domain_only_when_asked_to) {
  BOOST_TEST(told_by_kernel("") == "web");
  BOOST_TEST(told_by_kernel("hostname: h, subdomain: s") == "h");
  BOOST_TEST(told_by_kernel("hostname: h, subdomain: s, setHostnameAsFQDN: true") ==
             "h.s.default.svc.cluster.local");
  // There is no domain without a subdomain.
  BOOST_TEST(told_by_kernel("hostname: h, setHostnameAsFQDN: true") == "h");
  BOOST_TEST(told_by_kernel("hostname: h, subdomain: s, hostnameOverride: other.example") ==
             "other.example");
  BOOST_TEST(told_by_kernel("hostname: " + std::string(40, 'h') +
                            ", subdomain: s, setHostnameAsFQDN: true")
                 .find("is too long (64 characters is the max, 68 characters requested)") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(resources_of_the_pod_decide_its_class) {
  const std::string greedy = "containers: [{name: c, image: i, resources: {limits: {cpu: '1', "
                             "memory: 1Gi}}}]";
  BOOST_TEST(qos_class(pod_of(greedy).spec) == "Guaranteed");
  BOOST_TEST(qos_class(pod_of(greedy + ", resources: {requests: {cpu: '1'}}").spec) == "Burstable");
  BOOST_TEST(
      qos_class(pod_of("resources: {limits: {cpu: '1', memory: 1Gi}}, containers: [{name: c, "
                       "image: i}]")
                    .spec) == "Guaranteed");
  BOOST_TEST(qos_class(pod_of("containers: [{name: c, image: i}]").spec) == "BestEffort");
}

BOOST_AUTO_TEST_CASE(a_container_without_limits_has_the_pods) {
  const auto pod = pod_of("resources: {limits: {cpu: 500m, memory: 64Mi}}, containers: [{name: a, "
                          "image: i}, {name: b, image: i, resources: {limits: {memory: 16Mi}}}]");
  const auto a = make_linux_resources(pod, pod.spec.containers[0], facts());
  BOOST_TEST(a.memory_limit == 64 << 20);
  BOOST_TEST(a.cpu_quota == 50000);
  const auto b = make_linux_resources(pod, pod.spec.containers[1], facts());
  BOOST_TEST(b.memory_limit == 16 << 20);
  BOOST_TEST(b.cpu_quota == 50000);
}

BOOST_AUTO_TEST_SUITE_END()
