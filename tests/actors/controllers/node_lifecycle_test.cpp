#include "actors/controllers/node_lifecycle.hpp"
#include "actors/controllers/pods_of.hpp"
#include "actors/controllers/taints.hpp"
#include "actors/pods.hpp"
#include "actors/scheduler/filters.hpp"
#include "api/generated/core_v1_event.hpp"
#include "api/generated/core_v1_node.hpp"

#include <set>

using namespace thespis;
using namespace thespis::test;
using api::v1::node;

namespace {

struct node_fixture : cluster_fixture {
  node_fixture() {
    run_controller([] { return actors::make_node_lifecycle_controller(); });
    create("{apiVersion: v1, kind: Namespace, metadata: {name: kube-node-lease}}");
    create("{apiVersion: v1, kind: Node, metadata: {name: node-1}, status: {conditions: [{type: "
           "Ready, status: \"True\", reason: KubeletReady, lastHeartbeatTime: \"" +
           timestamp() + "\", lastTransitionTime: \"" + timestamp() + "\"}]}}");
    create("{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: node-1, namespace: "
           "kube-node-lease}, spec: {holderIdentity: node-1, leaseDurationSeconds: 40}}");
    renew();
    settle();
  }

  void renew() {
    patch("leases.coordination.k8s.io", "node-1",
          "{spec: {renewTime: \"" + api::format_micro_time(now()) + "\"}}", {}, "kube-node-lease");
  }

  /// The node reports that it is well for so long.
  void live(std::chrono::seconds d) {
    for (auto t = 0s; t < d; t += 10s) {
      renew();
      advance(10s);
    }
  }

  void ready_again() {
    patch("nodes", "node-1",
          "{status: {conditions: [{type: Ready, status: \"True\", reason: KubeletReady, "
          "lastHeartbeatTime: \"" +
              timestamp() + "\", lastTransitionTime: \"" + timestamp() + "\"}]}}",
          "status", "");
    settle();
  }

  std::string ready() const {
    for (const auto& c : get<node>("node-1", "").status.conditions)
      if (c.type == "Ready")
        return c.status + " " + c.reason;
    return {};
  }

  std::set<std::string> taints() const {
    std::set<std::string> res;
    for (const auto& t : get<node>("node-1", "").spec.taints)
      res.insert(t.key + ":" + t.effect);
    return res;
  }

  void make_pod(const std::string& name, const std::string& tolerations) {
    create("{apiVersion: v1, kind: Pod, metadata: {name: " + name + "}, spec: {tolerations: [" +
           tolerations + "], containers: [{name: main, image: web}]}}");
    run_pod(*this, get<api::v1::pod>(name));
    settle();
  }

  bool evicted(const std::string& name) const {
    const auto p = get("pods", name);
    return !p || p->meta().deleting;
  }
};

const std::set<std::string> unreachable{"node.kubernetes.io/unreachable:NoExecute",
                                        "node.kubernetes.io/unreachable:NoSchedule"};
const std::set<std::string> not_ready{"node.kubernetes.io/not-ready:NoExecute",
                                      "node.kubernetes.io/not-ready:NoSchedule"};

} // namespace

BOOST_FIXTURE_TEST_SUITE(node_lifecycle, node_fixture)

BOOST_AUTO_TEST_CASE(a_node_that_renews_its_lease_stays_ready) {
  live(300s);
  BOOST_TEST(ready() == "True KubeletReady");
  BOOST_TEST(taints().empty());
}

BOOST_AUTO_TEST_CASE(silence_makes_a_node_unknown_and_unreachable_after_the_grace) {
  make_pod("a", "{operator: Exists}");
  live(60s);
  advance(35s);
  BOOST_TEST(ready() == "True KubeletReady");
  advance(10s);
  BOOST_TEST(ready() == "Unknown NodeStatusUnknown");
  BOOST_TEST(taints() == unreachable);
  BOOST_TEST(!actors::is_ready(get<api::v1::pod>("a")));
  ready_again();
  live(60s);
  BOOST_TEST(ready() == "True KubeletReady");
  BOOST_TEST(taints().empty());
}

BOOST_AUTO_TEST_CASE(a_node_that_says_it_is_not_ready_is_tainted_at_once) {
  patch("nodes", "node-1",
        "{status: {conditions: [{type: Ready, status: \"False\", reason: KubeletNotReady}]}}",
        "status", "");
  settle();
  BOOST_TEST(taints() == not_ready);
  ready_again();
  BOOST_TEST(taints().empty());
}

BOOST_AUTO_TEST_CASE(cordoned_node_is_tainted_and_others_taints_stay) {
  patch("nodes", "node-1",
        "{spec: {unschedulable: true, taints: [{key: own, effect: NoSchedule}]}}", {}, "");
  settle();
  BOOST_TEST((taints() == std::set<std::string>{"node.kubernetes.io/unschedulable:NoSchedule",
                                                "own:NoSchedule"}));
  patch("nodes", "node-1", "{spec: {unschedulable: null}}", {}, "");
  settle();
  BOOST_TEST((taints() == std::set<std::string>{"own:NoSchedule"}));
}

BOOST_AUTO_TEST_CASE(pods_are_evicted_when_their_toleration_is_over) {
  make_pod("short", "{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, "
                    "tolerationSeconds: 30}");
  make_pod("default", "");
  make_pod("forever", "{operator: Exists}");
  advance(51s);
  BOOST_TEST(ready() == "Unknown NodeStatusUnknown");
  advance(20s);
  BOOST_TEST(!evicted("short"));
  advance(15s);
  BOOST_TEST(evicted("short"));
  BOOST_TEST(!evicted("default"));
  advance(5min);
  BOOST_TEST(evicted("default"));
  BOOST_TEST(!evicted("forever"));
}

BOOST_AUTO_TEST_CASE(eviction_is_called_off_when_the_node_comes_back) {
  make_pod("default", "");
  advance(2min);
  ready_again();
  live(600s);
  BOOST_TEST(!evicted("default"));
}

BOOST_AUTO_TEST_CASE(a_taint_that_is_not_tolerated_evicts_at_once) {
  make_pod("a", "");
  make_pod("b", "{key: own, operator: Exists}");
  patch("nodes", "node-1", "{spec: {taints: [{key: own, effect: NoExecute}]}}", {}, "");
  settle();
  BOOST_TEST(evicted("a"));
  BOOST_TEST(!evicted("b"));
}

BOOST_AUTO_TEST_CASE(a_node_that_never_reports_is_found_out) {
  create("{apiVersion: v1, kind: Node, metadata: {name: mute}}");
  advance(50s);
  BOOST_TEST(get<node>("mute", "").status.conditions.empty());
  advance(11s);
  const auto conditions = get<node>("mute", "").status.conditions;
  BOOST_REQUIRE(!conditions.empty());
  BOOST_TEST(conditions.front().reason == "NodeStatusNeverUpdated");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(taints)

BOOST_AUTO_TEST_CASE(tolerations_match_as_in_kubernetes) {
  api::v1::taint t;
  t.key = "a";
  t.value = "1";
  t.effect = "NoExecute";
  const auto tolerates = [&](std::string key, std::string op, std::string value,
                             std::string effect) {
    api::v1::toleration x;
    x.key = std::move(key);
    x.operator_ = std::move(op);
    x.value = std::move(value);
    x.effect = std::move(effect);
    return actors::tolerates(x, t);
  };
  BOOST_TEST(tolerates("a", "Equal", "1", "NoExecute"));
  BOOST_TEST(tolerates("a", "", "1", ""));
  BOOST_TEST(tolerates("a", "Exists", "", ""));
  BOOST_TEST(tolerates("", "Exists", "", ""));
  BOOST_TEST(!tolerates("a", "Equal", "2", ""));
  BOOST_TEST(!tolerates("b", "Exists", "", ""));
  BOOST_TEST(!tolerates("a", "Exists", "", "NoSchedule"));
}

BOOST_AUTO_TEST_SUITE_END()
