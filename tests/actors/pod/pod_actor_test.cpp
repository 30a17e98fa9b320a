// A node actor and its pod actors over the simulated runtime, on the virtual clock.
#include "actors/fixture.hpp"
#include "actors/node/node_actor.hpp"
#include "api/generated/core_v1_event.hpp"
#include "api/generated/core_v1_node.hpp"
#include "runtime/cri/simulated_runtime.hpp"

using namespace thespis;
using namespace thespis::test;

namespace {

/// Takes an argument because CAF 0.17 dereferences a null pointer to the tuple of none.
actors::continuable::behavior_type run_continuations(int) {
  return {[](const actors::continuation& c) { c.run(); }};
}

struct node_fixture : cluster_fixture {
  actors::continuable timers;
  std::shared_ptr<runtime::simulated_runtime> containers;
  std::shared_ptr<actors::pod_ports> ports;
  actors::node_handle node;

  explicit node_fixture() {
    timers = system().spawn(run_continuations, 0);
    runtime::simulated_options options;
    options.missing_images = {"none:1"};
    containers = std::make_shared<runtime::simulated_runtime>(
        runtime::simulation_ports{[this] { return now().time_since_epoch().count(); },
                                  [this](auto delay, auto fn) {
                                    caf::delayed_anon_send(timers, delay,
                                                           actors::continuation{std::move(fn)});
                                  }},
        options);
    ports = std::make_shared<actors::pod_ports>();
    ports->env = env();
    auto facts = std::make_shared<actors::node_facts>();
    facts->name = "node-1";
    facts->ip = "192.0.2.1";
    facts->cluster_domain = "cluster.local";
    ports->facts = facts;
    ports->containers = containers;
    ports->volumes = actors::make_simulated_volumes();
    ports->probes = actors::make_simulated_probes();
    ports->state = std::shared_ptr<const api::reader>{&state(), [](const auto*) {}};
    start_node();
  }
  ~node_fixture() {
    stop_node();
    caf::anon_send_exit(timers, caf::exit_reason::kill);
    timers = nullptr;
  }

  void start_node() {
    actors::node_deps deps;
    deps.ports = ports;
    deps.description.metadata.name = "node-1";
    node = system().spawn<actors::node_actor>(deps);
    advance(1s);
  }
  void stop_node() {
    caf::anon_send_exit(node, caf::exit_reason::user_shutdown);
    node = nullptr;
    settle();
  }

  void create_pod(const std::string& more = "", const std::string& metadata = "") {
    create("{apiVersion: v1, kind: Pod, metadata: {name: web" + metadata +
           "}, spec: {nodeName: node-1, automountServiceAccountToken: false, " + more +
           "containers: [{name: main, image: 'web:1', imagePullPolicy: IfNotPresent}]}}");
    advance(2s);
  }
  api::v1::pod pod() const { return get<api::v1::pod>("web"); }
  std::string id() const {
    const auto id = pod().status.container_statuses.at(0).container_id;
    return id.substr(id.find("//") + 2);
  }
  bool told(const std::string& reason) const {
    for (const auto& e : list<api::v1::event>())
      if (e.reason == reason && e.involved_object.name == "web")
        return true;
    return false;
  }
  size_t sandboxes() {
    size_t res = 0;
    containers->list_sandboxes({}, [&](auto all) { res = all ? all->size() : 0; });
    advance(10ms);
    return res;
  }
  actors::container_location find(const std::string& container, bool previous) {
    caf::scoped_actor self{system()};
    auto answer =
        self->request(node, 600s, actors::find_container{"default", "web", {container, previous}});
    settle();
    actors::container_location res;
    answer.receive([&](actors::container_location& l) { res = std::move(l); },
                   [&](const caf::error& e) { BOOST_FAIL(system().render(e)); });
    return res;
  }
};

} // namespace

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
