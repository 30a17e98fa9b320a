// The actor system's configuration in a process of ours: all message types, and links.
#pragma once

#include "config/settings.hpp"
#include "runtime/actor_system.hpp"

#include <string>

namespace thespis::tools {

/// Must outlive the system that is made with it. No port is opened.
struct process_config : runtime::system_config {
  explicit process_config(const config::settings& settings);
};

/// What this process speaks over links with machines of the same build.
std::string machine_protocol(caf::actor_system& sys);
/// The same with users' own programs, which know fewer messages.
std::string program_protocol(caf::actor_system& sys);

} // namespace thespis::tools
