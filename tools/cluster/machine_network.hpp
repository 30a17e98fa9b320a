// The pod network of this machine's node: its range, and the way to other machines' pods.
#pragma once

#include "api/generated/core_v1_node.hpp"
#include "api/pipeline/reader.hpp"
#include "api/result.hpp"
#include "config/settings.hpp"
#include "runtime/environment.hpp"
#include "runtime/supervisor.hpp"

#include <caf/actor_system.hpp>

#include <functional>
#include <string>
#include <vector>

namespace thespis::tools {

/// Registers the node, not ready yet, and waits until the cluster has given it ranges of pod
/// addresses, which a node that was there before has already. Blocks. Errors: timeout, after half a
/// minute; those of the registration.
api::result<std::vector<std::string>> obtain_pod_cidrs(caf::actor_system& sys,
                                                       const runtime::environment& env,
                                                       const api::reader& state,
                                                       api::v1::node description);

/// The addresses of a machine.
struct machine_addresses {
  std::string v4;
  std::string v6; ///< empty where it has none that others reach
  bool v6_first = false;

  /// Those there are, in order.
  std::vector<std::string> all() const;
};

/// What the machine with this IPv4 address is to the cluster. Only where pods have IPv6 addresses
/// the machine's own counts: one of global scope on the interface of the other, neither temporary
/// nor on its way out. The family of the first of the cluster's pod ranges comes first.
machine_addresses addresses_of_machine(const std::string& v4,
                                       const std::vector<std::string>& pod_cidrs);

/// The MTU of pods' links in bytes.
int pod_mtu(const config::settings& settings);

/// Starts the actor that keeps the way to other machines' pods, unless something else does it.
void start_network(const runtime::environment& env,
                   const std::function<void(std::string role, runtime::child_factory)>& supervise,
                   const config::settings& settings, const std::string& node,
                   const machine_addresses& addresses);

} // namespace thespis::tools
