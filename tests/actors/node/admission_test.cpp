#include "actors/node/admission.hpp"
#include "api/object/typed.hpp"
#include "api/yaml.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using namespace thespis::actors;

namespace {

pod_info pod(const std::string& spec, const std::string& requests = "{cpu: 500m}") {
  const auto text = "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: default, uid: u}, "
                    "spec: {containers: [{name: c, image: i, ports: [{containerPort: 80, hostPort: "
                    "8080}], resources: {requests: " +
                    requests + "}}]" + (spec.empty() ? "" : ", " + spec) + "}}";
  auto doc = *api::yaml::parse(text);
  return make_pod_info(api::seal(api::make_draft("pods", doc), 1));
}

std::shared_ptr<const api::v1::node> node(const std::string& spec = "{}") {
  auto doc = *api::yaml::parse(
      "{apiVersion: v1, kind: Node, metadata: {name: n, labels: {zone: a}}, spec: " + spec +
      ", status: {allocatable: {cpu: '2', memory: 1Gi, pods: '3', example.com/gpu: '1'}}}");
  return api::typed<api::v1::node>(*api::seal(api::make_draft("nodes", doc), 1));
}

std::string why(const pod_info& p, const node_holdings& held = {}, const std::string& spec = "{}") {
  const auto no = reject_pod(p, *node(spec), held);
  return no ? no->reason + ": " + no->message : "";
}

} // namespace

BOOST_AUTO_TEST_SUITE(node_admission)

BOOST_AUTO_TEST_CASE(takes_what_fits) {
  BOOST_TEST(why(pod("")) == "");
  node_holdings held;
  held.used.cpu = 1500;
  held.pods = 2;
  BOOST_TEST(why(pod(""), held) == "");
}

BOOST_AUTO_TEST_CASE(refuses_what_there_is_no_room_for) {
  node_holdings held;
  held.used.cpu = 1501;
  BOOST_TEST(why(pod(""), held) == "OutOfcpu: Node didn't have enough resource: cpu, requested: "
                                   "500, used: 1501, capacity: 2000");
  held = {};
  held.pods = 3;
  BOOST_TEST(why(pod("", "{}"), held) ==
             "OutOfpods: Node didn't have enough resource: pods, requested: 1, used: 3, capacity: "
             "3");
  BOOST_TEST(why(pod("", "{memory: 2Gi}")).starts_with("OutOfmemory: "));
  BOOST_TEST(why(pod("", "{example.com/gpu: '2'}")).starts_with("OutOfexample.com/gpu: "));
}

BOOST_AUTO_TEST_CASE(looks_away_from_resources_that_it_does_not_know) {
  BOOST_TEST(why(pod("", "{example.com/unknown: '2'}")) == "");
}

BOOST_AUTO_TEST_CASE(refuses_pods_that_chose_other_nodes) {
  BOOST_TEST(why(pod("nodeSelector: {zone: b}")) ==
             "NodeAffinity: Predicate NodeAffinity failed: node(s) didn't match Pod's node "
             "affinity/selector");
  BOOST_TEST(why(pod("nodeSelector: {zone: a}")) == "");
}

BOOST_AUTO_TEST_CASE(heeds_only_taints_that_would_evict) {
  const std::string schedule = "{taints: [{key: k, value: v, effect: NoSchedule}]}";
  const std::string execute = "{taints: [{key: k, value: v, effect: NoExecute}]}";
  BOOST_TEST(why(pod(""), {}, schedule) == "");
  BOOST_TEST(why(pod(""), {}, execute).starts_with("TaintToleration: "));
  BOOST_TEST(why(pod("tolerations: [{operator: Exists}]"), {}, execute) == "");
}

BOOST_AUTO_TEST_CASE(refuses_a_port_that_is_taken) {
  node_holdings held;
  held.ports = {{"10.0.0.1", "TCP", 8080}};
  BOOST_TEST(why(pod(""), held).starts_with("NodePorts: "));
  held.ports = {{"10.0.0.1", "UDP", 8080}, {"0.0.0.0", "TCP", 8081}};
  BOOST_TEST(why(pod(""), held) == "");
}

BOOST_AUTO_TEST_CASE(sets_only_system_controls_that_harm_nobody_else) {
  const auto with = [](const std::string& name) {
    return pod("securityContext: {sysctls: [{name: " + name + ", value: '1'}]}");
  };
  BOOST_TEST(why(with("kernel.shm_rmid_forced")) == "");
  BOOST_TEST(why(with("net/ipv4/tcp_syncookies")) == "");
  BOOST_TEST(why(with("kernel.msgmax")) ==
             "SysctlForbidden: forbidden sysctl: \"kernel.msgmax\" not allowlisted");
}

BOOST_AUTO_TEST_CASE(apparmor_is_asked_for_only_where_it_is) {
  const auto asks = [](const std::string& type, bool whole) {
    api::v1::pod p;
    auto& c = p.spec.containers.emplace_back();
    auto& profile = whole ? p.spec.security_context.ensure().app_armor_profile.ensure()
                          : c.security_context.ensure().app_armor_profile.ensure();
    profile.type = type;
    return p;
  };
  for (const bool whole : {true, false}) {
    const auto no = reject_apparmor(asks("RuntimeDefault", whole), false);
    BOOST_REQUIRE(no);
    BOOST_TEST(no->reason == "AppArmor");
    BOOST_TEST(no->message == "Cannot enforce AppArmor: AppArmor is not enabled on the host");
    BOOST_TEST(!reject_apparmor(asks("Localhost", whole), true));
    BOOST_TEST(!reject_apparmor(asks("Unconfined", whole), false));
  }
  BOOST_TEST(!reject_apparmor({}, false));
}

BOOST_AUTO_TEST_SUITE_END()
