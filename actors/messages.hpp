// The message types of actors/, for the wire.
#pragma once

#include <caf/actor_system_config.hpp>

namespace thespis::actors {

/// Names every message type of this folder that may cross machines.
void register_actor_messages(caf::actor_system_config& cfg);

} // namespace thespis::actors
