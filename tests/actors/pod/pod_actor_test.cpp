// A node actor and its pod actors over the simulated runtime, on the virtual clock.
#include "actors/pod/node_fixture.hpp"
#include "actors/usage/usage_actor.hpp"

using namespace thespis;
using namespace thespis::test;

BOOST_FIXTURE_TEST_SUITE(pod_actor, node_fixture)

BOOST_AUTO_TEST_CASE(runs_a_pod_and_tells_the_api) {
  create_pod();
  const auto p = pod();
  BOOST_TEST(p.status.phase == "Running");
  BOOST_TEST(!p.status.pod_ip.empty());
  BOOST_TEST(p.status.container_statuses.at(0).ready);
  BOOST_TEST(p.status.qos_class == "BestEffort");
  for (const auto* reason : {"Pulling", "Pulled", "Created", "Started"})
    BOOST_TEST(told(reason), reason);
}

BOOST_AUTO_TEST_CASE(restarts_what_ends) {
  create_pod();
  const auto first = id();
  BOOST_REQUIRE(containers->end_container(first, 3));
  advance(1s);
  BOOST_TEST(id() != first);
  const auto s = pod().status.container_statuses.at(0);
  BOOST_TEST(s.restart_count == 1);
  BOOST_TEST(s.last_state->terminated->exit_code == 3);
  BOOST_TEST(s.state->running.has_value());
  BOOST_TEST(find("main", false).id == id());
  BOOST_TEST(find("", true).ok);
}

BOOST_AUTO_TEST_CASE(replaces_a_sandbox_that_died) {
  create_pod();
  std::string sandbox;
  containers->list_sandboxes({}, [&](auto all) { sandbox = all->at(0).id; });
  advance(10ms);
  BOOST_REQUIRE(containers->end_sandbox(sandbox));
  advance(15s);
  BOOST_TEST(pod().status.phase == "Running");
  BOOST_TEST(pod().status.container_statuses.at(0).restart_count == 1);
  BOOST_TEST(told("SandboxChanged"));
  BOOST_TEST(sandboxes() == 1);
}

BOOST_AUTO_TEST_CASE(tells_images_that_are_missing) {
  create("{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {nodeName: node-1, "
         "automountServiceAccountToken: false, containers: [{name: main, image: 'none:1'}]}}");
  advance(2s);
  BOOST_TEST(pod().status.container_statuses.at(0).state->waiting->reason == "ErrImagePull");
  advance(6s);
  BOOST_TEST(pod().status.container_statuses.at(0).state->waiting->reason == "ImagePullBackOff");
  BOOST_TEST(pod().status.phase == "Pending");
  BOOST_TEST(find("main", false).failure.message ==
             "container \"main\" in pod \"web\" is waiting to start: trying and failing to pull "
             "image");
}

BOOST_AUTO_TEST_CASE(ends_a_deleted_pod_and_removes_its_object) {
  create_pod();
  remove("pods", "web");
  advance(5s);
  BOOST_TEST(count("pods") == 0);
  BOOST_TEST(told("Killing"));
  BOOST_TEST(sandboxes() == 0);
}

BOOST_AUTO_TEST_CASE(ends_a_pod_that_was_removed_by_force) {
  create_pod();
  remove("pods", "web", "default", api::propagation::background, 0);
  advance(5s);
  BOOST_TEST(count("pods") == 0);
  BOOST_TEST(sandboxes() == 0);
  create_pod();
  BOOST_TEST(pod().status.phase == "Running");
}

BOOST_AUTO_TEST_CASE(keeps_a_completed_pod_until_it_is_deleted) {
  create_pod("restartPolicy: Never, ", ", annotations: {simulation.thespis.io/exit-after: 3s}");
  BOOST_TEST(pod().status.phase == "Running");
  advance(10s);
  BOOST_TEST(pod().status.phase == "Succeeded");
  BOOST_TEST(sandboxes() == 0);
  BOOST_TEST(find("main", false).ok);
  remove("pods", "web");
  advance(5s);
  BOOST_TEST(count("pods") == 0);
  BOOST_TEST(!find("main", false).ok);
}

BOOST_AUTO_TEST_CASE(adopts_what_an_earlier_process_left) {
  create_pod();
  BOOST_REQUIRE(containers->end_container(id(), 1));
  advance(1s);
  const auto before = id();
  stop_node();
  start_node();
  advance(20s);
  BOOST_TEST(id() == before);
  BOOST_TEST(pod().status.container_statuses.at(0).restart_count == 1);
  BOOST_TEST(sandboxes() == 1);
  BOOST_REQUIRE(containers->end_container(before, 1));
  advance(1min);
  BOOST_TEST(pod().status.container_statuses.at(0).restart_count == 2);
}

BOOST_AUTO_TEST_CASE(outlives_a_runtime_that_cannot_be_reached) {
  create_pod();
  const auto before = id();
  containers->set_reachable(false);
  remove("pods", "web");
  advance(30s);
  BOOST_TEST(count("pods") == 1);
  containers->set_reachable(true);
  advance(30s);
  BOOST_TEST(count("pods") == 0);
  BOOST_TEST(sandboxes() == 0);
}

BOOST_AUTO_TEST_CASE(tells_what_its_containers_use) {
  create_pod();
  env().roles->put(actors::node_role("node-1"), caf::actor_cast<caf::strong_actor_ptr>(node));
  const auto book = std::make_shared<actors::usage_book>();
  play<actors::usage_actor>(actors::usage_role, actors::usage_deps{env(), book});
  advance(5s);
  BOOST_TEST(book->pods().empty()); // one look tells no rate
  advance(15s);
  const auto used = book->pod("default", "web");
  BOOST_REQUIRE(used.has_value());
  BOOST_REQUIRE(used->containers.size() == 1);
  BOOST_TEST(used->containers[0].name == "main");
  BOOST_TEST(used->containers[0].usage.cpu_nanocores > 0);
  BOOST_TEST(used->containers[0].usage.memory_bytes > 0);
  BOOST_TEST(used->window == 15'000'000'000);
  BOOST_REQUIRE(book->node("node-1").has_value());
  BOOST_TEST(book->node("node-1")->usage.memory_bytes == used->containers[0].usage.memory_bytes);
  // A node that cannot tell is told of no more.
  containers->set_reachable(false);
  advance(15s);
  BOOST_TEST(book->nodes().empty());
  containers->set_reachable(true);
}

BOOST_AUTO_TEST_CASE(a_node_is_ready_when_it_has_a_range_of_pod_addresses) {
  node_fixture f;
  f.stop_node();
  f.remove("nodes", "node-1", "");
  actors::node_deps deps;
  deps.ports = f.ports;
  deps.description.metadata.name = "node-1";
  deps.pod_cidr_patience = 1min;
  f.node = f.system().spawn<actors::node_actor>(deps);
  f.advance(5s);
  const auto ready = [&] {
    for (const auto& c : f.get<api::v1::node>("node-1", "").status.conditions)
      if (c.type == "Ready")
        return c.status + " " + c.reason;
    return std::string{};
  };
  BOOST_TEST(ready() == "False KubeletNotReady");
  f.patch("nodes", "node-1", "{spec: {podCIDR: 10.7.6.0/24, podCIDRs: [10.7.6.0/24]}}", {}, "");
  f.advance(1s);
  BOOST_TEST(ready() == "True KubeletReady");
  f.create_pod();
  BOOST_TEST(f.pod().status.pod_ip.starts_with("10.7.6."));
  // Deleted, it comes back with the range that its pods live in.
  f.remove("nodes", "node-1", "");
  f.advance(20s);
  BOOST_TEST(f.get<api::v1::node>("node-1", "").spec.pod_cidr == "10.7.6.0/24");
}

BOOST_AUTO_TEST_SUITE_END()
