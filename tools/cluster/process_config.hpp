// The actor system's configuration in a process of ours: all message types, and links.
#pragma once

#include "config/settings.hpp"
#include "runtime/actor_system.hpp"

namespace thespis::tools {

/// Must outlive the system that is made with it. No port is opened.
struct process_config : runtime::system_config {
  explicit process_config(const config::settings& settings);
};

} // namespace thespis::tools
