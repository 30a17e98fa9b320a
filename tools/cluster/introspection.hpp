// The shell's questions, answered on the server: JSON out of the process's actor records.
#pragma once

#include "api/result.hpp"

#include <caf/actor_system.hpp>

#include <functional>
#include <string>

namespace thespis::tools {

/// Commands: "ps", "tree" and "top" answer {"actors":[...]}, "info ID" one actor with its messages
/// by type and its state in its own words. Errors: bad_request for an unknown command or id.
void run_introspection(caf::actor_system& sys, std::string command,
                       std::function<void(api::result<std::string>)> done);

} // namespace thespis::tools
