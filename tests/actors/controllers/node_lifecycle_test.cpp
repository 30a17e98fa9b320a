#include "actors/controllers/node_lifecycle.hpp"
#include "actors/controllers/pods_of.hpp"
#include "actors/controllers/taints.hpp"
#include "actors/pods.hpp"
#include "actors/scheduler/filters.hpp"
#include "api/generated/core_v1_event.hpp"
#include "api/generated/core_v1_node.hpp"

#include <algorithm>
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

  /// Another node that is always well: were all ill, none would be emptied.
  void add_neighbour(const std::string& name, const std::string& zone) {
    create("{apiVersion: v1, kind: Node, metadata: {name: " + name +
           ", labels: {topology.kubernetes.io/zone: '" + zone +
           "'}}, status: {conditions: [{type: Ready, status: 'True', reason: KubeletReady}]}}");
    create(
        "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: " + name +
        ", namespace: kube-node-lease}, spec: {holderIdentity: other, leaseDurationSeconds: 40}}");
    neighbours_.push_back(name);
    settle();
  }

  /// Time in which node-1 says nothing and its neighbours are well.
  void silence(std::chrono::seconds d) {
    while (d > 0s) {
      for (const auto& n : neighbours_)
        patch("leases.coordination.k8s.io", n,
              "{spec: {renewTime: \"" + api::format_micro_time(now()) + "\"}}", {},
              "kube-node-lease");
      const auto step = std::min(d, 10s);
      advance(step);
      d -= step;
    }
  }

  /// The node reports that it is well for so long.
  void live(std::chrono::seconds d) {
    for (auto t = 0s; t < d; t += 10s) {
      renew();
      silence(10s);
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

private:
  std::vector<std::string> neighbours_;
};

/// Many nodes that are ill or well at once, without leases.
struct zone_fixture : cluster_fixture {
  zone_fixture() {
    actors::node_lifecycle_deps deps;
    deps.grace = deps.startup_grace = 24h;
    run_controller([deps] { return actors::make_node_lifecycle_controller(deps); });
  }

  void add(const std::string& name, const std::string& zone) {
    create("{apiVersion: v1, kind: Node, metadata: {name: " + name +
           ", labels: {topology.kubernetes.io/zone: " + zone +
           "}}, status: {conditions: [{type: Ready, status: 'True'}]}}");
  }
  void set(const std::string& name, const std::string& ready) {
    patch("nodes", name, "{status: {conditions: [{type: Ready, status: '" + ready + "'}]}}",
          "status", "");
    settle();
  }
  /// How many nodes are being emptied.
  int emptied() const {
    const auto all = list<node>("");
    return static_cast<int>(std::count_if(
        all.begin(), all.end(), [](const auto& n) { return actors::is_being_emptied(n); }));
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
  add_neighbour("well", "a");
  make_pod("a", "{operator: Exists}");
  live(60s);
  silence(35s);
  BOOST_TEST(ready() == "True KubeletReady");
  silence(10s);
  BOOST_TEST(ready() == "Unknown NodeStatusUnknown");
  BOOST_TEST(taints() == unreachable);
  BOOST_TEST(!actors::is_ready(get<api::v1::pod>("a")));
  ready_again();
  live(60s);
  BOOST_TEST(ready() == "True KubeletReady");
  BOOST_TEST(taints().empty());
}

BOOST_AUTO_TEST_CASE(a_node_that_says_it_is_not_ready_is_tainted_at_once) {
  add_neighbour("well", "a");
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
  add_neighbour("well", "a");
  make_pod("short", "{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, "
                    "tolerationSeconds: 30}");
  make_pod("default", "");
  make_pod("forever", "{operator: Exists}");
  silence(51s);
  BOOST_TEST(ready() == "Unknown NodeStatusUnknown");
  silence(20s);
  BOOST_TEST(!evicted("short"));
  silence(15s);
  BOOST_TEST(evicted("short"));
  BOOST_TEST(!evicted("default"));
  silence(5min);
  BOOST_TEST(evicted("default"));
  BOOST_TEST(!evicted("forever"));
}

BOOST_AUTO_TEST_CASE(eviction_is_called_off_when_the_node_comes_back) {
  add_neighbour("well", "a");
  make_pod("default", "");
  silence(2min);
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

BOOST_AUTO_TEST_CASE(coming_and_going_of_nodes_is_told) {
  const auto told = [&](const std::string& reason) {
    for (const auto& e : list<api::v1::event>())
      if (e.reason == reason)
        return e.message + " " + e.source->component;
    return std::string{};
  };
  BOOST_TEST(told("RegisteredNode") ==
             "Node node-1 event: Registered Node node-1 in Controller node-controller");
  remove("nodes", "node-1", "");
  settle();
  BOOST_TEST(told("RemovingNode") ==
             "Node node-1 event: Removing Node node-1 from Controller node-controller");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(zones, zone_fixture)

BOOST_AUTO_TEST_CASE(one_node_of_a_zone_is_emptied_every_ten_seconds) {
  for (int i = 0; i < 10; ++i)
    add("a" + std::to_string(i), "a");
  add("b0", "b");
  add("b1", "b");
  settle();
  for (const auto* n : {"a0", "a1", "a2", "b0"})
    set(n, "False");
  BOOST_TEST(emptied() == 2); // the first of each zone
  advance(9s);
  BOOST_TEST(emptied() == 2);
  advance(6s);
  BOOST_TEST(emptied() == 3);
  advance(15s);
  BOOST_TEST(emptied() == 4);
  for (const auto* n : {"a0", "a1", "a2", "b0"})
    set(n, "True");
  BOOST_TEST(emptied() == 0);
}

BOOST_AUTO_TEST_CASE(a_small_zone_that_is_mostly_ill_is_not_emptied_further) {
  for (int i = 0; i < 5; ++i)
    add("a" + std::to_string(i), "a");
  settle();
  for (const auto* n : {"a0", "a1", "a2"})
    set(n, "Unknown");
  BOOST_TEST(emptied() == 1);
  advance(10min);
  BOOST_TEST(emptied() == 1);
  set("a2", "True");
  advance(15s);
  BOOST_TEST(emptied() == 2);
}

BOOST_AUTO_TEST_CASE(a_large_one_is_emptied_slowly) {
  for (int i = 0; i < 60; ++i)
    add("a" + std::to_string(i), "a");
  settle();
  for (int i = 0; i < 40; ++i)
    set("a" + std::to_string(i), "Unknown");
  BOOST_TEST(emptied() == 1);
  advance(90s);
  BOOST_TEST(emptied() == 1);
  advance(20s);
  BOOST_TEST(emptied() == 2);
}

BOOST_AUTO_TEST_CASE(a_zone_that_is_down_is_emptied_and_none_is_when_all_are) {
  for (const auto* n : {"a0", "a1"})
    add(n, "a");
  add("b0", "b");
  settle();
  set("a0", "Unknown");
  set("a1", "Unknown");
  advance(20s);
  BOOST_TEST(emptied() == 2);
  set("b0", "Unknown");
  advance(6s);
  BOOST_TEST(emptied() == 0);
  advance(10min);
  BOOST_TEST(emptied() == 0);
  set("b0", "True");
  advance(30s);
  BOOST_TEST(emptied() == 2);
}

BOOST_AUTO_TEST_CASE(a_new_controller_counts_all_before_it_judges) {
  add("a0", "a");
  add("a1", "a");
  set("a0", "False");
  set("a1", "False");
  add("b0", "b");
  actors::node_zones zones{{}};
  // The same by hand: what was tainted before keeps its leave, and nothing is added beside it.
  zones.set(get<node>("a0", ""), false, true);
  zones.set(get<node>("a1", ""), false, false);
  zones.set(get<node>("b0", ""), true, false);
  BOOST_TEST(!zones.all_disrupted());
  BOOST_TEST(zones.may_empty("a0", now()));
  BOOST_TEST(zones.may_empty("a1", now()));
  zones.remove("b0");
  BOOST_TEST(zones.all_disrupted());
  BOOST_TEST(!zones.may_empty("a0", now()));
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
