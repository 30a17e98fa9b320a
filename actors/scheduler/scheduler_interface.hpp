// What the scheduler says. One a cluster: it watches nodes and pods and binds what waits.
#pragma once

#include "runtime/actor_base.hpp"
#include "runtime/registry/registry_interface.hpp"

namespace thespis::actors {

/// INTERNAL: pods wait and something changed.
struct schedule_now {};
/// INTERNAL: pods whose back-off is over become schedulable again.
struct retry_unschedulable {
  uint64_t timer = 0; ///< which one rang: an earlier one may have taken its place
};
/// INTERNAL: subscribe again.
struct watch_again {};

// clang-format off
using scheduler_handle = runtime::watcher_handle::extend<
  /// INTERNAL
  caf::reacts_to<schedule_now>,
  /// INTERNAL
  caf::reacts_to<retry_unschedulable>,
  /// INTERNAL
  caf::reacts_to<watch_again>>;
// clang-format on

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, schedule_now&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, retry_unschedulable& x) {
  return f(x.timer);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, watch_again&) {
  return f();
}

} // namespace thespis::actors
