#include "actors/scheduler/filters.hpp"
#include "actors/scheduler/scheduler_state.hpp"
#include "api/yaml.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace thespis;
using namespace thespis::actors;
using namespace std::chrono_literals;
using enum api::event_kind;

namespace {

uint64_t revision = 1;

api::object_ptr object_of(const char* resource, const std::string& text) {
  auto doc = *api::yaml::parse(text);
  return api::seal(api::make_draft(resource, doc), ++revision);
}

api::object_ptr node(const std::string& name, const std::string& spec = "{}",
                     const std::string& labels = "{}", const std::string& cpu = "4") {
  return object_of("nodes", "{apiVersion: v1, kind: Node, metadata: {name: " + name +
                                ", uid: node-" + name + ", labels: " + labels + "}, spec: " + spec +
                                ", status: {allocatable: {cpu: '" + cpu +
                                "', memory: 8Gi, pods: '110'}}}");
}

api::object_ptr pod(const std::string& name, const std::string& spec = {},
                    const std::string& status = "{}") {
  return object_of("pods", "{apiVersion: v1, kind: Pod, metadata: {name: " + name +
                               ", namespace: default, uid: uid-" + name +
                               "}, spec: {containers: "
                               "[{name: c, image: i, resources: {requests: {cpu: '1'}}}]" +
                               (spec.empty() ? "" : ", " + spec) + "}, status: " + status + "}");
}

std::vector<std::string> why_not(const api::object_ptr& p, const api::object_ptr& n) {
  scheduling_cache cache;
  cache.set_node(n);
  const auto info = make_pod_info(p);
  const pod_cycle cycle{cache, info};
  for (const auto& f : all_filters())
    if (auto v = f.judge(cycle, *cache.order().front()); !v.fits())
      return v.reasons;
  return {};
}

const std::string tainted = "{taints: [{key: k, value: v, effect: NoSchedule}]}";

} // namespace

BOOST_AUTO_TEST_SUITE(scheduler_state_suite)

BOOST_AUTO_TEST_CASE(says_why_a_node_does_not_fit) {
  const auto reason = [](const auto& p, const auto& n) {
    const auto all = why_not(p, n);
    return all.empty() ? std::string{} : all.front();
  };
  BOOST_TEST(reason(pod("a"), node("n")) == "");
  BOOST_TEST(reason(pod("a"), node("n", "{unschedulable: true}")) == "node(s) were unschedulable");
  BOOST_TEST(reason(pod("a"), node("n", tainted)) == "node(s) had untolerated taint {k: v}");
  BOOST_TEST(reason(pod("a", "tolerations: [{key: k, value: v, effect: NoSchedule}]"),
                    node("n", tainted)) == "");
  BOOST_TEST(reason(pod("a", "tolerations: [{operator: Exists}]"), node("n", tainted)) == "");
  BOOST_TEST(reason(pod("a", "tolerations: [{key: k, value: other}]"), node("n", tainted)) != "");
  BOOST_TEST(reason(pod("a", "nodeSelector: {disk: ssd}"), node("n")) ==
             "node(s) didn't match Pod's node affinity/selector");
  BOOST_TEST(reason(pod("a", "nodeSelector: {disk: ssd}"), node("n", "{}", "{disk: ssd}")) == "");
  BOOST_TEST(reason(pod("a"), node("n", "{}", "{}", "500m")) == "Insufficient cpu");
}

BOOST_AUTO_TEST_CASE(a_claim_for_one_pod_serves_one_pod) {
  const auto claim = [](const std::string& mode) {
    return object_of("persistentvolumeclaims",
                     "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data, "
                     "namespace: default}, spec: {accessModes: [" +
                         mode + "]}}");
  };
  const std::string mounts = "volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]";
  const auto reason = [&](const std::string& mode, const std::string& other) {
    scheduling_cache cache;
    cache.set_node(node("first"));
    cache.volumes.apply_claim({added, claim(mode)});
    const auto user = std::make_shared<const pod_info>(make_pod_info(pod("user", other)));
    cache.place("uid-user", user, "first");
    const auto info = make_pod_info(pod("new", mounts));
    const auto judge = [&] {
      const pod_cycle cycle{cache, info};
      for (const auto& f : all_filters())
        if (f.name == std::string_view{"VolumeRestrictions"})
          if (auto v = f.judge(cycle, *cache.order().front()); !v.fits())
            return v.reasons.front();
      return std::string{};
    };
    const auto before = judge();
    cache.release("uid-user");
    BOOST_TEST(judge() == "");
    return before;
  };
  BOOST_TEST(reason("ReadWriteOncePod", mounts) ==
             "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod "
             "access mode");
  BOOST_TEST(reason("ReadWriteOncePod", "") == "");
  BOOST_TEST(reason("ReadWriteOnce", mounts) == "");
}

BOOST_AUTO_TEST_CASE(requests_are_the_greater_of_containers_and_init_containers) {
  const auto p = make_pod_info(
      pod("a", "initContainers: [{name: i, resources: {requests: {cpu: '3'}}}, {name: s, "
               "restartPolicy: Always, resources: {requests: {cpu: 500m}}}]"));
  BOOST_TEST(p.requests.cpu == 3000);
  const auto q = make_pod_info(pod("b", "initContainers: [{name: s, restartPolicy: Always, "
                                        "resources: {requests: {cpu: 500m}}}]"));
  BOOST_TEST(q.requests.cpu == 1500);
}

BOOST_AUTO_TEST_CASE(spreads_equal_pods_and_fills_nodes_no_further_than_they_go) {
  scheduler_state s;
  s.apply_node({added, node("a", "{}", "{}", "2")});
  s.apply_node({added, node("b", "{}", "{}", "2")});
  for (int i = 0; i < 5; ++i)
    s.apply_pod({added, pod("p" + std::to_string(i))});
  std::map<std::string, int> placed;
  std::string message;
  for (const auto& p : s.schedule(100, 0s)) {
    ++placed[p.node];
    message += p.message;
  }
  BOOST_TEST(placed["a"] == 2);
  BOOST_TEST(placed["b"] == 2);
  BOOST_TEST(message == "0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are "
                        "available: 2 No preemption victims found for incoming pod.");
  BOOST_TEST(s.waiting() == 1U);
}

BOOST_AUTO_TEST_CASE(the_more_important_pod_is_first_then_the_older) {
  scheduler_state s;
  s.apply_node({added, node("a")});
  s.apply_pod({added, pod("old")});
  s.apply_pod({added, pod("young")});
  s.apply_pod({added, pod("vip", "priority: 1000")});
  std::string order;
  for (const auto& p : s.schedule(100, 0s))
    order += p.pod->name() + " ";
  BOOST_TEST(order == "vip old young ");
}

BOOST_AUTO_TEST_CASE(a_parked_pod_goes_when_its_node_is_freed) {
  scheduler_state s;
  s.apply_node({added, node("a", "{unschedulable: true}")});
  s.apply_pod({added, pod("p")});
  BOOST_TEST(s.schedule(10, 0s).front().node == "");
  BOOST_TEST(!s.retry(5s)); // nothing has changed
  s.apply_node({modified, node("a")});
  BOOST_REQUIRE(s.next_retry().has_value());
  BOOST_TEST((*s.next_retry() <= 1s));
  BOOST_TEST(s.retry(5s));
  BOOST_TEST(s.schedule(10, 5s).front().node == "a");
}

BOOST_AUTO_TEST_CASE(a_binding_that_failed_frees_the_node_and_waits) {
  scheduler_state s;
  s.apply_node({added, node("a")});
  s.apply_pod({added, pod("p")});
  BOOST_TEST(s.schedule(10, 0s).size() == 1U);
  BOOST_TEST(s.node("a")->used.cpu == 1000);
  s.binding_failed("uid-p", 0s);
  BOOST_TEST(s.node("a")->used.cpu == 0);
  BOOST_TEST(s.retry(1s));
  BOOST_TEST(s.schedule(10, 1s).front().node == "a");
}

BOOST_AUTO_TEST_CASE(accounts_are_the_sum_of_the_pods_whatever_happens) {
  std::mt19937 random{7};
  scheduler_state s;
  std::map<std::string, std::string> bound; // pods that hold a node
  for (const char* n : {"a", "b", "c"})
    s.apply_node({added, node(n, "{}", "{}", "64")});
  for (int i = 0; i < 600; ++i) {
    const auto name = "p" + std::to_string(random() % 20);
    switch (random() % 4) {
    case 0:
      if (!bound.contains(name))
        s.apply_pod({added, pod(name)});
      for (const auto& p : s.schedule(100, 0s))
        bound[p.pod->name()] = p.node;
      break;
    case 1: // the binding is seen, perhaps for the second time
      if (bound.contains(name))
        s.apply_pod({modified, pod(name, "nodeName: " + bound[name])});
      break;
    case 2:
      if (bound.contains(name))
        s.apply_pod({modified, pod(name, "nodeName: " + bound[name], "{phase: Succeeded}")});
      bound.erase(name);
      break;
    case 3:
      s.apply_pod({deleted, pod(name)});
      bound.erase(name);
      break;
    }
    for (const char* n : {"a", "b", "c"}) {
      const auto expected =
          std::count_if(bound.begin(), bound.end(), [&](const auto& p) { return p.second == n; });
      BOOST_REQUIRE_EQUAL(s.node(n)->pods, expected);
      BOOST_REQUIRE_EQUAL(s.node(n)->used.cpu, expected * 1000);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
