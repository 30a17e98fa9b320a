// What the actor of Ingresses says. One a machine: it watches Ingresses and their classes, and from
// the first one that is ours also Services, endpoints and certificates, and keeps the machine's
// HTTP entry (haproxy) in step.
#pragma once

#include "runtime/actor_base.hpp"
#include "runtime/registry/registry_interface.hpp"

namespace thespis::proxy {

/// INTERNAL: changes wait to be configured.
struct configure_now {};
/// INTERNAL: look whether the entry lives.
struct entry_check {};
/// INTERNAL: subscribe again.
struct ingress_watch_again {};

// clang-format off
using ingress_handle = runtime::watcher_handle::extend<
  /// INTERNAL
  caf::reacts_to<configure_now>,
  /// INTERNAL
  caf::reacts_to<entry_check>,
  /// INTERNAL
  caf::reacts_to<ingress_watch_again>>;
// clang-format on

/// The role of the machine's ingress actor in the directory.
inline constexpr std::string_view ingress_role = "ingress";

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, configure_now&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, entry_check&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ingress_watch_again&) {
  return f();
}

} // namespace thespis::proxy
