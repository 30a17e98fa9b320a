// What the DNS actor says. One a machine: it watches Services and EndpointSlices and keeps the
// zone of the machine's DNS server in step.
#pragma once

#include "runtime/actor_base.hpp"
#include "runtime/registry/registry_interface.hpp"

namespace thespis::proxy {

/// INTERNAL: subscribe again.
struct dns_watch_again {};

// clang-format off
using dns_handle = runtime::watcher_handle::extend<
  /// INTERNAL
  caf::reacts_to<dns_watch_again>>;
// clang-format on

/// The role of the machine's DNS in the directory.
inline constexpr std::string_view dns_role = "dns";

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, dns_watch_again&) {
  return f();
}

} // namespace thespis::proxy
