// What a node does when its machine runs short of something.
#include "actors/pod/node_fixture.hpp"

using namespace thespis;
using namespace thespis::test;

namespace {

constexpr int64_t mib = 1 << 20;

/// A machine that has as much left as the test says.
struct told_statistics : actors::statistics_port {
  actors::node_statistics now;
  std::vector<actors::measured_pod> asked;
  bool recovers = false; ///< once all pods were measured, there is enough memory again
  void read(std::vector<actors::measured_pod> pods,
            std::function<void(actors::node_statistics)> done) override {
    asked = pods;
    auto res = now;
    for (const auto& p : pods)
      if (!res.pods.contains(p.uid))
        res.pods[p.uid].memory = 5 * mib;
    done(res);
    if (recovers && !pods.empty())
      now.supplies["memory.available"] = {1000 * mib, 2000 * mib};
  }
};

struct pressed_node : node_fixture {
  std::shared_ptr<told_statistics> machine = std::make_shared<told_statistics>();

  pressed_node() : node_fixture(false) {
    machine->now.supplies["memory.available"] = {1000 * mib, 2000 * mib};
    actors::node_deps deps;
    deps.statistics = machine;
    deps.eviction.hard = *api::parse_thresholds("memory.available<100Mi,nodefs.available<10%");
    start_node(deps);
  }
  std::string condition(const std::string& type) const {
    for (const auto& c : get<api::v1::node>("node-1", "").status.conditions)
      if (c.type == type)
        return c.status + " " + c.reason;
    return {};
  }
  std::string pod_condition(const std::string& type) const {
    for (const auto& c : pod().status.conditions)
      if (c.type == type)
        return c.status + " " + c.reason;
    return {};
  }
  void add_pod(const std::string& name, const std::string& spec = "") {
    create("{apiVersion: v1, kind: Pod, metadata: {name: " + name +
           "}, spec: {nodeName: node-1, automountServiceAccountToken: false, " + spec +
           "containers: [{name: main, image: 'web:1', imagePullPolicy: IfNotPresent}]}}");
    advance(2s);
  }
  std::string phase(const std::string& name) const {
    const auto p = get<api::v1::pod>(name);
    return p.status.phase + " " + p.status.reason;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(node_pressure, pressed_node)

BOOST_AUTO_TEST_CASE(evicts_one_pod_and_tells_why) {
  create_pod("terminationGracePeriodSeconds: 600, ");
  add_pod("other");
  advance(10s);
  BOOST_TEST(condition("MemoryPressure") == "False KubeletHasSufficientMemory");
  machine->now.supplies["memory.available"] = {50 * mib, 2000 * mib};
  machine->recovers = true;
  machine->now.pods[pod().metadata.uid].memory = 300 * mib;
  machine->now.pods[pod().metadata.uid].container_memory["main"] = 300 * mib;
  advance(11s);
  BOOST_TEST(condition("MemoryPressure") == "True KubeletHasInsufficientMemory");
  BOOST_TEST(pod().status.phase == "Failed");
  BOOST_TEST(pod().status.reason == "Evicted");
  BOOST_TEST(pod().status.message ==
             "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. "
             "Container main was using 300Mi, request is 0, has larger consumption of memory. ");
  BOOST_TEST(pod_condition("DisruptionTarget") == "True TerminationByKubelet");
  BOOST_TEST(told("Evicted"));
  BOOST_TEST(phase("other") == "Running ");
  advance(100s);
  BOOST_TEST(condition("MemoryPressure") == "True KubeletHasInsufficientMemory");
  add_pod("late");
  BOOST_TEST(phase("late") == "Failed Evicted");
  BOOST_TEST(get<api::v1::pod>("late").status.message ==
             "Pod was rejected: The node had condition: [MemoryPressure]. ");
  advance(5min);
  BOOST_TEST(condition("MemoryPressure") == "False KubeletHasSufficientMemory");
  add_pod("later");
  BOOST_TEST(phase("later") == "Running ");
}

BOOST_AUTO_TEST_CASE(measures_only_the_pods_that_matter) {
  create_pod();
  advance(20s);
  BOOST_TEST(machine->asked.empty());
}

BOOST_AUTO_TEST_CASE(removes_unused_images_before_pods) {
  create_pod();
  machine->now.supplies["nodefs.available"] = {5, 100};
  advance(11s);
  BOOST_TEST(condition("DiskPressure") == "True KubeletHasDiskPressure");
  // The images are in use: the pod has to go after all.
  BOOST_TEST(pod().status.reason == "Evicted");
}

BOOST_AUTO_TEST_CASE(leaves_critical_pods) {
  create_pod("", ", annotations: {kubernetes.io/config.mirror: h}");
  machine->now.supplies["memory.available"] = {50 * mib, 2000 * mib};
  advance(60s);
  BOOST_TEST(pod().status.phase == "Running");
}

BOOST_AUTO_TEST_CASE(holds_an_empty_dir_to_its_limit) {
  create_pod("volumes: [{name: v, emptyDir: {sizeLimit: 1Mi}}], ");
  advance(10s);
  BOOST_REQUIRE(machine->asked.size() == 1);
  BOOST_TEST(machine->asked[0].empty_dirs.at(0) == "v");
  machine->now.pods[pod().metadata.uid].volumes["v"] = {2 * mib, 1};
  advance(11s);
  BOOST_TEST(pod().status.reason == "Evicted");
  BOOST_TEST(pod().status.message == "Usage of EmptyDir volume \"v\" exceeds the limit \"1Mi\". ");
  BOOST_TEST(pod_condition("DisruptionTarget") == "");
  BOOST_TEST(condition("MemoryPressure") == "False KubeletHasSufficientMemory");
}

BOOST_AUTO_TEST_CASE(tells_of_its_images) {
  create_pod();
  advance(31s);
  const auto images = get<api::v1::node>("node-1", "").status.images;
  BOOST_REQUIRE(images.size() == 1);
  BOOST_TEST(images[0].names.back() == "web:1");
}

BOOST_AUTO_TEST_SUITE_END()
