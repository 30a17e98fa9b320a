// The message types of proxy/, for the wire.
#pragma once

#include <caf/actor_system_config.hpp>

namespace thespis::proxy {

/// Names every message type of this folder that may cross machines: what a balancer is asked by
/// others than the proxy of its own machine.
void register_proxy_messages(caf::actor_system_config& cfg);

} // namespace thespis::proxy
