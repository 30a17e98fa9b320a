// The scheduler as an actor, in a cluster on a virtual clock: what it writes, and when it tries
// again.
#include "actors/scheduler/scheduler_actor.hpp"
#include "api/generated/core_v1_event.hpp"
#include "api/generated/core_v1_node.hpp"
#include "api/generated/core_v1_pod.hpp"
#include "tests/actors/fixture.hpp"

using namespace thespis;
using namespace thespis::test;

namespace {

struct scheduling : cluster_fixture {
  using cluster_fixture::cluster_fixture;

  void start() {
    spawn<actors::scheduler_actor>(actors::scheduler_deps{env()});
    settle();
  }

  void node(const std::string& name, const std::string& cpu = "2", bool cordoned = false) {
    create("{apiVersion: v1, kind: Node, metadata: {name: " + name +
           "}, spec: {unschedulable: " + (cordoned ? "true" : "false") + "}}");
    patch("nodes", name, "{status: {allocatable: {cpu: '" + cpu + "', memory: 8Gi, pods: '110'}}}",
          "status", "");
  }

  void pod(const std::string& name, const std::string& cpu = "1", const std::string& more = {}) {
    create("{apiVersion: v1, kind: Pod, metadata: {name: " + name +
           "}, spec: {containers: [{name: c, image: i, resources: {requests: {cpu: '" + cpu +
           "'}}}]" + more + "}}");
    settle();
  }

  std::string node_of(const std::string& pod) { return get<api::v1::pod>(pod).spec.node_name; }

  const api::v1::pod_condition* scheduled(const api::v1::pod& p) {
    for (const auto& c : p.status.conditions)
      if (c.type == "PodScheduled")
        return &c;
    return nullptr;
  }

  std::string why_not(const std::string& pod) {
    const auto p = get<api::v1::pod>(pod);
    const auto* c = scheduled(p);
    return c && c->status == "False" && c->reason == "Unschedulable" ? c->message : "";
  }

  /// How often an Event of that reason was recorded about the pod.
  int told(const std::string& pod, const std::string& reason) {
    int res = 0;
    for (const auto& e : list<api::v1::event>())
      if (e.involved_object.name == pod && e.reason == reason)
        res += e.count.value_or(1);
    return res;
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(scheduler_actor_suite)

BOOST_AUTO_TEST_CASE(binds_what_waits_and_tells_of_it) {
  scheduling f;
  f.node("node-a");
  f.pod("before");
  f.start();
  f.pod("after");
  for (const auto* name : {"before", "after"}) {
    BOOST_TEST(f.node_of(name) == "node-a");
    const auto p = f.get<api::v1::pod>(name);
    const auto* c = f.scheduled(p);
    BOOST_REQUIRE(c);
    BOOST_TEST(c->status == "True");
    BOOST_TEST(f.told(name, "Scheduled") == 1);
  }
}

BOOST_AUTO_TEST_CASE(says_why_a_pod_waits_in_its_condition_and_an_event) {
  scheduling f;
  f.node("small", "500m");
  f.node("closed", "4", true);
  f.start();
  f.pod("a");
  const std::string why =
      "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable. "
      "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.";
  BOOST_TEST(f.why_not("a") == why);
  BOOST_TEST(f.told("a", "FailedScheduling") == 1);
}

BOOST_AUTO_TEST_CASE(the_same_failure_is_not_written_into_the_pod_again) {
  scheduling f;
  f.node("node-a", "500m");
  f.start();
  f.pod("a");
  const auto first = f.get("pods", "a")->revision();
  f.advance(11min);
  BOOST_TEST(f.told("a", "FailedScheduling") > 1);
  BOOST_TEST(f.get("pods", "a")->revision() == first);
}

BOOST_AUTO_TEST_CASE(another_reason_to_wait_keeps_the_time_since_when_it_does) {
  scheduling f;
  f.node("node-a", "500m");
  f.start();
  f.pod("a");
  const auto since = f.scheduled(f.get<api::v1::pod>("a"))->last_transition_time;
  f.advance(30s);
  f.patch("nodes", "node-a", "{spec: {unschedulable: true}}", "", "");
  f.advance(30s);
  BOOST_TEST(f.why_not("a") ==
             "0/1 nodes are available: 1 node(s) were unschedulable. preemption: 0/1 nodes are "
             "available: 1 Preemption is not helpful for scheduling.");
  BOOST_TEST(f.scheduled(f.get<api::v1::pod>("a"))->last_transition_time == since);
}

BOOST_AUTO_TEST_CASE(an_uncordoned_node_takes_the_parked_pods_once_their_back_off_is_over) {
  scheduling f;
  f.node("node-a", "4", true);
  f.start();
  f.pod("a");
  f.pod("b");
  BOOST_TEST(f.node_of("a") == "");
  f.patch("nodes", "node-a", "{spec: {unschedulable: false}}", "", "");
  f.settle();
  BOOST_TEST(f.node_of("a") == ""); // one second of back-off after the first try
  f.advance(1100ms);
  BOOST_TEST(f.node_of("a") == "node-a");
  BOOST_TEST(f.node_of("b") == "node-a");
}

BOOST_AUTO_TEST_CASE(back_off_doubles_up_to_ten_seconds) {
  scheduling f;
  f.node("node-a", "500m");
  f.start();
  f.pod("a");
  // Each change of the node wakes the pod, which waits for what is left of its back-off.
  int label = 0;
  std::vector<int> waited;
  for (const int due : {1, 2, 4, 8, 10, 10}) {
    f.patch("nodes", "node-a", "{metadata: {labels: {turn: '" + std::to_string(++label) + "'}}}",
            "", "");
    f.settle();
    const auto before = f.told("a", "FailedScheduling");
    int seconds = 0;
    for (; f.told("a", "FailedScheduling") == before && seconds < 100; ++seconds)
      f.advance(1s);
    waited.push_back(seconds);
    BOOST_TEST(seconds == due);
  }
  BOOST_TEST(waited.size() == 6);
}

BOOST_AUTO_TEST_CASE(a_new_node_and_a_pod_that_ends_make_room) {
  scheduling f;
  f.node("node-a", "1");
  f.start();
  f.pod("first");
  f.pod("second");
  f.pod("third");
  BOOST_TEST(f.node_of("first") == "node-a");
  BOOST_TEST(f.why_not("second") != "");
  f.advance(2s);
  f.node("node-b", "1");
  f.advance(15s);
  BOOST_TEST((f.node_of("second") == "node-b") != (f.node_of("third") == "node-b"));
  const std::string waits = f.node_of("second").empty() ? "second" : "third";
  f.patch("pods", "first", "{status: {phase: Succeeded}}", "status");
  f.advance(15s);
  BOOST_TEST(f.node_of(waits) == "node-a");
}

BOOST_AUTO_TEST_CASE(parked_pods_are_tried_again_after_five_minutes_without_any_change) {
  scheduling f;
  f.node("node-a", "500m");
  f.start();
  f.pod("a");
  f.advance(295s);
  BOOST_TEST(f.told("a", "FailedScheduling") == 1);
  f.advance(10s);
  BOOST_TEST(f.told("a", "FailedScheduling") == 2);
}

BOOST_AUTO_TEST_CASE(one_failed_binding_of_a_batch_leaves_the_others_and_frees_its_room) {
  scheduling f;
  f.node("node-a", "2", true);
  f.start();
  f.pod("goes");
  f.pod("stays");
  // The scheduler does not see that one of them goes, and binds both.
  f.kill(runtime::registry_role("pods"));
  f.remove("pods", "goes", "default", api::propagation::background, 0);
  f.patch("nodes", "node-a", "{spec: {unschedulable: false}}", "", "");
  f.advance(2s);
  BOOST_TEST(f.node_of("stays") == "node-a");
  BOOST_TEST(f.told("goes", "Scheduled") == 0);
  f.start_registry("pods");
  f.advance(1s);
  f.pod("next");
  BOOST_TEST(f.node_of("next") == "node-a");
}

BOOST_AUTO_TEST_CASE(a_lost_binding_is_made_again_after_its_deadline) {
  scheduling f;
  f.node("node-a", "1");
  f.pod("a");
  f.spawn<actors::scheduler_actor>(actors::scheduler_deps{f.env()});
  BOOST_TEST(f.drop_next<runtime::call_batch>());
  f.settle();
  BOOST_TEST(f.node_of("a") == "");
  f.advance(180500ms);
  BOOST_TEST(f.node_of("a") == ""); // the back-off of a failed binding
  f.advance(2s);
  BOOST_TEST(f.node_of("a") == "node-a");
}

BOOST_AUTO_TEST_CASE(pods_of_other_schedulers_and_gated_ones_wait_for_others) {
  scheduling f;
  f.node("node-a", "8");
  f.start();
  f.pod("foreign", "1", ", schedulerName: mine");
  f.pod("gated", "1", ", schedulingGates: [{name: example.com/wait}]");
  f.advance(2min);
  BOOST_TEST(f.node_of("foreign") == "");
  BOOST_TEST(f.node_of("gated") == "");
  BOOST_TEST(f.told("foreign", "FailedScheduling") == 0);
  f.patch("pods", "gated", "{spec: {schedulingGates: []}}");
  f.settle();
  BOOST_TEST(f.node_of("gated") == "node-a");
}

BOOST_AUTO_TEST_CASE(goes_on_when_a_registry_is_started_anew) {
  scheduling f;
  f.node("node-a", "8");
  f.start();
  f.kill(runtime::registry_role("pods"));
  f.pod("a");
  BOOST_TEST(f.node_of("a") == "");
  f.start_registry("pods");
  f.advance(1s);
  BOOST_TEST(f.node_of("a") == "node-a");
}

BOOST_AUTO_TEST_SUITE_END()
