// What a network actor says. One a machine: it watches Nodes and keeps the way to their pods in
// step, and tells the API how its machine is reached and whether it reaches others.
#pragma once

#include "runtime/actor_base.hpp"
#include "runtime/registry/registry_interface.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::runtime {

/// INTERNAL: changes wait to be programmed, or it is time to compare with the kernel.
struct program_network {
  uint64_t turn = 0; ///< of the timer; an older one was overtaken
};
/// INTERNAL: subscribe again.
struct network_watch_again {};
/// INTERNAL: the port is done.
struct network_programmed {
  bool ok = false;
  std::string message;                  ///< why not
  std::vector<std::string> unreachable; ///< a sentence for each peer
};

// clang-format off
using network_handle = watcher_handle::extend<
  /// INTERNAL
  caf::reacts_to<program_network>,
  /// INTERNAL
  caf::reacts_to<network_programmed>,
  /// INTERNAL
  caf::reacts_to<network_watch_again>>;
// clang-format on

/// The role of the machine's network in the directory.
inline constexpr std::string_view network_role = "network";

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, program_network& x) {
  return f(x.turn);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, network_watch_again&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, network_programmed& x) {
  return f(x.ok, x.message, x.unreachable);
}

} // namespace thespis::runtime
