// What the actor of NetworkPolicies says. One a machine: it watches policies, and while there are
// any also pods and namespaces, and keeps the kernel's rules for the machine's pods in step.
#pragma once

#include "runtime/actor_base.hpp"
#include "runtime/registry/registry_interface.hpp"

namespace thespis::proxy {

/// INTERNAL: changes wait to be programmed.
struct enforce_now {};
/// INTERNAL: subscribe again.
struct policy_watch_again {};

// clang-format off
using policy_handle = runtime::watcher_handle::extend<
  /// INTERNAL
  caf::reacts_to<enforce_now>,
  /// INTERNAL
  caf::reacts_to<policy_watch_again>>;
// clang-format on

/// The role of the machine's policy actor in the directory.
inline constexpr std::string_view policy_role = "policy";

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, enforce_now&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, policy_watch_again&) {
  return f();
}

} // namespace thespis::proxy
