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

namespace thespis::tools {

/// Registers the node, not ready yet, and waits until the cluster has given it a range of pod
/// addresses, which a node that was there before has already. Blocks. Errors: timeout, after half a
/// minute; those of the registration.
api::result<std::string> obtain_pod_cidr(caf::actor_system& sys, const runtime::environment& env,
                                         const api::reader& state, api::v1::node description);

/// The MTU of pods' links in bytes.
int pod_mtu(const config::settings& settings);

/// Starts the actor that keeps the way to other machines' pods, unless something else does it.
void start_network(const runtime::environment& env,
                   const std::function<void(std::string role, runtime::child_factory)>& supervise,
                   const config::settings& settings, const std::string& node,
                   const std::string& address);

} // namespace thespis::tools
