// What the kube-proxy actor says. One a machine: it watches Services and EndpointSlices and keeps
// the kernel's NAT in step, and a balancer for each service port.
#pragma once

#include "runtime/actor_base.hpp"
#include "runtime/registry/registry_interface.hpp"

namespace thespis::proxy {

/// INTERNAL: changes wait to be programmed.
struct program_now {};
/// INTERNAL: subscribe again.
struct proxy_watch_again {};
/// INTERNAL: news of flows were lost, or it is time to see whether counts are right.
struct recount_flows {};

// clang-format off
using proxy_handle = runtime::watcher_handle::extend<
  /// INTERNAL
  caf::reacts_to<program_now>,
  /// INTERNAL
  caf::reacts_to<proxy_watch_again>,
  /// INTERNAL
  caf::reacts_to<recount_flows>>;
// clang-format on

/// The role of the machine's proxy in the directory.
inline constexpr std::string_view proxy_role = "proxy";

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, program_now&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, proxy_watch_again&) {
  return f();
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, recount_flows&) {
  return f();
}

} // namespace thespis::proxy
