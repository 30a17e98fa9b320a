#include "tools/cluster/machine_network.hpp"

#include "actors/framework/reconciler.hpp"
#include "api/error.hpp"
#include "api/object/typed.hpp"
#include "api/text/cidr.hpp"
#include "api/text/time.hpp"
#include "runtime/network/network_actor.hpp"
#include "runtime/requests/requests_interface.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <sstream>

namespace thespis::tools {

using namespace std::chrono_literals;

namespace {

constexpr auto range_deadline = 30s;
constexpr unsigned poll_microseconds = 2'000;

std::vector<std::string> pod_cidrs_of(const api::reader& state, const std::string& name) {
  const auto object = state.get("nodes", {}, name);
  if (!object)
    return {};
  const auto node = api::typed<api::v1::node>(*object);
  if (node->spec.pod_cidrs.empty() && !node->spec.pod_cidr.empty())
    return {node->spec.pod_cidr};
  return node->spec.pod_cidrs;
}

bool is_v6(const std::string& range) {
  return range.find(':') != std::string::npos;
}

/// The interface that has this IPv4 address; empty when none has.
std::string interface_with(const std::string& v4) {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0)
    return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner{all, ::freeifaddrs};
  for (const auto* i = all; i; i = i->ifa_next) {
    if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
      continue;
    const auto raw = reinterpret_cast<const sockaddr_in*>(i->ifa_addr)->sin_addr.s_addr;
    if (api::ip_address::v4(ntohl(raw)).to_string() == v4)
      return i->ifa_name;
  }
  return {};
}

/// From the kernel's list: "fe80…(32 digits) index prefix scope flags name", all in hexadecimal.
std::string global_v6_of(const std::string& interface) {
  constexpr unsigned unfit = 0x01 | 0x08 | 0x20 | 0x40; // temporary, double, deprecated, tentative
  std::ifstream list{"/proc/net/if_inet6"};
  for (std::string line; std::getline(list, line);) {
    std::istringstream fields{line};
    std::string digits, index, prefix, name;
    unsigned scope = 0;
    unsigned flags = 0;
    fields >> digits >> index >> prefix >> std::hex >> scope >> flags >> name;
    if (!fields || name != interface || scope != 0 || (flags & unfit) != 0 || digits.size() != 32)
      continue;
    std::string text;
    for (size_t i = 0; i < digits.size(); i += 4)
      text += (i == 0 ? "" : ":") + digits.substr(i, 4);
    if (const auto ip = api::parse_ip(text))
      return ip->to_string();
  }
  return {};
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

std::vector<std::string> machine_addresses::all() const {
  if (v6.empty())
    return {v4};
  return v6_first ? std::vector{v6, v4} : std::vector{v4, v6};
}

machine_addresses addresses_of_machine(const std::string& v4,
                                       const std::vector<std::string>& pod_cidrs) {
  machine_addresses res{v4, {}, false};
  if (std::none_of(pod_cidrs.begin(), pod_cidrs.end(), is_v6))
    return res;
  res.v6 = global_v6_of(interface_with(v4));
  res.v6_first = is_v6(pod_cidrs.front());
  return res;
}

api::result<std::vector<std::string>> obtain_pod_cidrs(caf::actor_system& sys,
                                                       const runtime::environment& env,
                                                       const api::reader& state,
                                                       api::v1::node description) {
  const auto name = description.metadata.name;
  description.status.conditions = {not_ready(api::format_time(env.clock->now()))};
  const auto end = std::chrono::steady_clock::now() + range_deadline;
  bool made = false;
  for (;;) {
    if (auto ranges = pod_cidrs_of(state, name); !ranges.empty())
      return ranges;
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
                   const machine_addresses& addresses) {
  runtime::peer_network_options options;
  options.backend = runtime::parse_network_backend(settings.network.backend);
  if (options.backend == runtime::network_backend::none)
    return;
  options.node = node;
  options.address = addresses.v4;
  options.address6 = addresses.v6;
  for (const auto& range : settings.network.service_cidrs())
    if (is_v6(range))
      options.service_cidr6 = range;
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
