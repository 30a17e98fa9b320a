// A node actor and its pod actors over the simulated runtime, on the virtual clock.
#pragma once

#include "actors/fixture.hpp"
#include "actors/node/node_actor.hpp"
#include "api/generated/core_v1_event.hpp"
#include "api/generated/core_v1_node.hpp"
#include "runtime/cri/simulated_runtime.hpp"

namespace thespis::test {

/// Takes an argument because CAF 0.17 dereferences a null pointer to the tuple of none.
inline actors::continuable::behavior_type run_continuations(int) {
  return {[](const actors::continuation& c) { c.run(); }};
}

struct node_fixture : cluster_fixture {
  actors::continuable timers;
  std::shared_ptr<runtime::simulated_runtime> containers;
  std::shared_ptr<actors::pod_ports> ports;
  actors::node_handle node;

  explicit node_fixture(bool started = true) {
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
    if (started)
      start_node();
  }
  ~node_fixture() {
    stop_node();
    caf::anon_send_exit(timers, caf::exit_reason::kill);
    timers = nullptr;
  }

  void start_node(actors::node_deps deps = {}) {
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

} // namespace thespis::test
