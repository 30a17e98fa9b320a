// What a replica says: the actor of an agent that keeps its copy of one resource in step with the
// server, and serves it to local watchers through a registry of the process's own.
#pragma once

#include "runtime/link/gateway_interface.hpp"

namespace thespis::runtime::link {

/// One object by name.
struct reference {
  std::string resource;
  std::string ns;
  std::string name;
  auto operator<=>(const reference&) const = default;
};

/// Pods that need these objects are about to start.
struct need_references {
  std::vector<reference> what;
};
/// Each is there, or is known not to be.
struct references_ready {};

/// INTERNAL: look whether the link is up, or what is not needed any more.
struct replica_tick {
  uint64_t generation = 0;
};

// clang-format off
using replica_handle = watcher_handle::extend<
  /// INTERNAL
  caf::reacts_to<replica_tick>>;

/// Keeps the objects that pods of this machine refer to, each by a watch of its own.
using references_handle = replica_handle::extend<
  caf::replies_to<need_references>::with<references_ready>>;
// clang-format on

/// The role of the actor that keeps referenced objects.
inline constexpr std::string_view references_role = "references";

} // namespace thespis::runtime::link

// None of these leaves the process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::link::need_references)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::link::references_ready)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::link::replica_tick)
