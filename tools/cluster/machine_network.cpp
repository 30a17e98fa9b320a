#include "tools/cluster/machine_network.hpp"

#include "actors/framework/reconciler.hpp"
#include "api/error.hpp"
#include "api/object/typed.hpp"
#include "api/text/time.hpp"
#include "runtime/network/network_actor.hpp"
#include "runtime/requests/requests_interface.hpp"

#include <unistd.h>

#include <chrono>

namespace thespis::tools {

using namespace std::chrono_literals;

namespace {

constexpr auto range_deadline = 30s;
constexpr unsigned poll_microseconds = 2'000;

std::string pod_cidr_of(const api::reader& state, const std::string& name) {
  const auto object = state.get("nodes", {}, name);
  return object ? api::typed<api::v1::node>(*object)->spec.pod_cidr : std::string{};
}

/// What kubelet says before its network is configured.
api::v1::node_condition not_ready(const std::string& now) {
  api::v1::node_condition res;
  res.type = "Ready";
  res.status = "False";
  res.reason = "KubeletNotReady";
  res.message = "container runtime network not ready: NetworkReady=false "
                "reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not "
                "initialized";
  res.last_heartbeat_time = res.last_transition_time = now;
  return res;
}

api::result<void> create(caf::actor_system& sys, const runtime::environment& env,
                         const api::v1::node& node) {
  const auto requests = env.roles->find<runtime::requests_handle>(runtime::requests_role);
  if (!requests)
    return api::fail(api::internal_error("the request bridge is not available"));
  auto call = actors::create_call(node);
  call.user = {"system:node:" + node.metadata.name, {}, {"system:nodes", "system:authenticated"}};
  runtime::call_batch batch;
  batch.calls.push_back(std::move(call));
  api::result<void> res;
  caf::scoped_actor self{sys};
  self->request(requests, range_deadline, std::move(batch))
      .receive(
          [&](const runtime::call_outcomes& o) {
            const auto& only = o.outcomes.front();
            if (!only.ok && only.failure.why != api::reason::already_exists)
              res = api::fail(only.failure);
          },
          [&](const caf::error& e) { res = api::fail(api::internal_error(sys.render(e))); });
  return res;
}

} // namespace

api::result<std::string> obtain_pod_cidr(caf::actor_system& sys, const runtime::environment& env,
                                         const api::reader& state, api::v1::node description) {
  const auto name = description.metadata.name;
  description.status.conditions = {not_ready(api::format_time(env.clock->now()))};
  const auto end = std::chrono::steady_clock::now() + range_deadline;
  bool made = false;
  for (;;) {
    if (auto range = pod_cidr_of(state, name); !range.empty())
      return range;
    if (!made) {
      // A link to the server may not be up yet, and a failure then is no verdict.
      const auto created = create(sys, env, description);
      made = created.has_value();
      if (!made && std::chrono::steady_clock::now() > end)
        return api::fail(created.error());
    }
    if (std::chrono::steady_clock::now() > end)
      return api::fail(api::reason::timeout, "node " + name +
                                                 " was given no range of pod "
                                                 "addresses");
    ::usleep(poll_microseconds);
  }
}

int pod_mtu(const config::settings& settings) {
  return runtime::pod_link_mtu(runtime::parse_network_backend(settings.network.backend),
                               static_cast<int>(settings.network.mtu));
}

void start_network(const runtime::environment& env,
                   const std::function<void(std::string role, runtime::child_factory)>& supervise,
                   const config::settings& settings, const std::string& node,
                   const std::string& address) {
  runtime::peer_network_options options;
  options.backend = runtime::parse_network_backend(settings.network.backend);
  if (options.backend == runtime::network_backend::none)
    return;
  options.node = node;
  options.address = address;
  options.vxlan_port = static_cast<uint16_t>(settings.network.vxlan_port);
  runtime::network_deps deps;
  deps.env = env;
  deps.node = node;
  deps.kernel = runtime::make_host_network(runtime::node_layout{settings.data_dir}, options);
  supervise(std::string{runtime::network_role}, [deps](caf::local_actor& self) {
    return caf::actor_cast<caf::strong_actor_ptr>(
        self.home_system().spawn<runtime::network_actor>(deps));
  });
}

} // namespace thespis::tools
