// Less important pods make room: who is chosen, what is written about it, and who gets the room.
#include "actors/scheduler/scheduler_actor.hpp"
#include "api/generated/core_v1_event.hpp"
#include "api/generated/core_v1_node.hpp"
#include "api/generated/core_v1_pod.hpp"
#include "tests/actors/fixture.hpp"

using namespace thespis;
using namespace thespis::test;

namespace {

struct preempting : cluster_fixture {
  void start() {
    spawn<actors::scheduler_actor>(actors::scheduler_deps{env()});
    settle();
  }
  void node(const std::string& name, const std::string& cpu = "1") {
    create("{apiVersion: v1, kind: Node, metadata: {name: " + name + ", labels: {host: " + name +
           "}}}");
    patch("nodes", name, "{status: {allocatable: {cpu: '" + cpu + "', memory: 8Gi, pods: '110'}}}",
          "status", "");
  }
  void level(const std::string& name, int value) {
    create("{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: " + name +
           "}, value: " + std::to_string(value) + "}");
  }
  void pod(const std::string& name, const std::string& priority_class, const std::string& more = {},
           const std::string& labels = "{}") {
    create("{apiVersion: v1, kind: Pod, metadata: {name: " + name + ", labels: " + labels +
           "}, spec: {" +
           (priority_class.empty() ? "" : "priorityClassName: " + priority_class + ", ") +
           "containers: [{name: c, image: i, resources: {requests: {cpu: '1'}}}]" + more + "}}");
    settle();
  }
  std::string node_of(const std::string& name) { return get<api::v1::pod>(name).spec.node_name; }
  const api::v1::pod_condition* condition(const api::v1::pod& p, const std::string& type) {
    for (const auto& c : p.status.conditions)
      if (c.type == type)
        return &c;
    return nullptr;
  }
  /// The pod has gone from its node, as its kubelet would say.
  void end(const std::string& name) {
    remove("pods", name, "default", api::propagation::background, 0);
    settle();
  }
  bool leaves(const std::string& name) {
    const auto o = get("pods", name);
    return !o || o->meta().deleting;
  }
  int told(const std::string& pod, const std::string& reason) {
    int res = 0;
    for (const auto& e : list<api::v1::event>())
      res += e.involved_object.name == pod && e.reason == reason;
    return res;
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(preemption_suite)

BOOST_AUTO_TEST_CASE(a_less_important_pod_goes_with_its_grace_and_the_other_gets_its_place) {
  preempting f;
  f.level("high", 1000);
  f.node("a");
  f.start();
  f.pod("low", "");
  BOOST_TEST(f.node_of("low") == "a");
  f.pod("vip", "high");
  // Marked, asked to go, but still there.
  const auto low = f.get<api::v1::pod>("low");
  BOOST_TEST(low.metadata.deletion_timestamp != "");
  const auto* c = f.condition(low, "DisruptionTarget");
  BOOST_REQUIRE(c);
  BOOST_TEST(c->reason == "PreemptionByScheduler");
  BOOST_TEST(c->message == "default-scheduler: preempting to accommodate a higher priority pod");
  BOOST_TEST(f.told("low", "Preempted") == 1);
  BOOST_TEST(f.get<api::v1::pod>("vip").status.nominated_node_name == "a");
  BOOST_TEST(f.node_of("vip") == "");
  f.end("low");
  f.advance(3s);
  BOOST_TEST(f.node_of("vip") == "a");
}

BOOST_AUTO_TEST_CASE(the_room_is_kept_for_whom_it_was_made) {
  preempting f;
  f.level("high", 1000);
  f.level("middle", 500);
  f.node("a");
  f.start();
  f.pod("low", "");
  f.pod("vip", "high");
  f.end("low");
  f.pod("quick", "middle"); // there is room now, but not for it
  BOOST_TEST(f.node_of("quick") == "");
  f.advance(3s);
  BOOST_TEST(f.node_of("vip") == "a");
  BOOST_TEST(!f.leaves("vip"));
}

BOOST_AUTO_TEST_CASE(who_never_preempts_waits_and_says_so) {
  preempting f;
  f.create("{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: polite}, "
           "value: 1000, preemptionPolicy: Never}");
  f.node("a");
  f.start();
  f.pod("low", "");
  f.pod("guest", "polite");
  BOOST_TEST(!f.leaves("low"));
  const auto p = f.get<api::v1::pod>("guest");
  BOOST_TEST(f.condition(p, "PodScheduled")->message ==
             "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to "
             "preemptionPolicy=Never.");
}

BOOST_AUTO_TEST_CASE(the_least_important_victim_of_all_nodes_is_chosen) {
  preempting f;
  f.level("high", 1000);
  f.level("middle", 500);
  f.node("a");
  f.node("b");
  f.start();
  f.pod("first", "middle");
  f.pod("second", "");
  f.pod("vip", "high");
  BOOST_TEST(!f.leaves("first"));
  BOOST_TEST(f.leaves("second"));
}

BOOST_AUTO_TEST_CASE(a_budget_protects_its_pods_as_long_as_others_will_do) {
  preempting f;
  f.level("high", 1000);
  f.level("middle", 500);
  f.create("{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: keep}, spec: "
           "{minAvailable: 1, selector: {matchLabels: {app: db}}}}");
  f.node("a");
  f.node("b");
  f.start();
  f.pod("db", "", {}, "{app: db}");
  f.pod("web", "middle");
  f.pod("vip", "high");
  BOOST_TEST(!f.leaves("db"));
  BOOST_TEST(f.leaves("web"));
}

BOOST_AUTO_TEST_CASE(equals_do_not_preempt_each_other_and_hopeless_nodes_are_left_alone) {
  preempting f;
  f.level("high", 1000);
  f.node("a");
  f.start();
  f.pod("one", "high");
  f.pod("two", "high");
  BOOST_TEST(!f.leaves("one"));
  f.pod("picky", "high", ", nodeSelector: {host: z}");
  const auto p = f.get<api::v1::pod>("picky");
  BOOST_TEST(f.condition(p, "PodScheduled")->message ==
             "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. "
             "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.");
}

BOOST_AUTO_TEST_CASE(extended_resources_of_a_node_are_fought_for_too) {
  preempting f;
  f.level("high", 1000);
  f.node("a", "100");
  f.patch("nodes", "a",
          "{status: {capacity: {scheduling.k8s.io/foo: '2'}, allocatable: "
          "{scheduling.k8s.io/foo: '2'}}}",
          "status", "");
  f.start();
  const auto wants = [](int n) {
    const auto text = "{scheduling.k8s.io/foo: '" + std::to_string(n) + "'}";
    return ", initContainers: [{name: i, image: i, resources: {requests: " + text +
           ", limits: " + text + "}}]";
  };
  f.pod("low", "", wants(2));
  BOOST_TEST(f.node_of("low") == "a");
  f.pod("vip", "high", wants(1));
  BOOST_TEST(f.leaves("low"));
  f.end("low");
  f.advance(3s);
  BOOST_TEST(f.node_of("vip") == "a");
}

BOOST_AUTO_TEST_SUITE_END()
