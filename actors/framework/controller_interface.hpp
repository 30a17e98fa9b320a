// What a controller actor says: all controllers look alike from outside, they watch.
#pragma once

#include "actors/framework/view.hpp"
#include "runtime/registry/registry_interface.hpp"

#include <cstdint>

namespace thespis::actors {

/// The reconciler may want to watch other resources than before.
struct refresh_watches {};

/// INTERNAL: keys are queued.
struct run_queue {};

/// INTERNAL: a key's back-off or requeue time is over.
struct wake_key {
  object_id key;
};

/// INTERNAL: subscribe again to the watch of this number.
struct resubscribe {
  uint64_t watch = 0;
};

/// INTERNAL: forget what was parsed, if there was no work for a while.
struct forget_parsed {};

// clang-format off
using controller_handle = runtime::watcher_handle::extend<
  /// Asks the reconciler again what it watches.
  caf::reacts_to<refresh_watches>,
  /// INTERNAL
  caf::reacts_to<run_queue>,
  /// INTERNAL
  caf::reacts_to<wake_key>,
  /// INTERNAL
  caf::reacts_to<resubscribe>,
  /// INTERNAL
  caf::reacts_to<forget_parsed>>;
// clang-format on

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, object_id& x) {
  return f(x.ns, x.name);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, refresh_watches&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, run_queue&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, wake_key& x) {
  return f(x.key);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, resubscribe& x) {
  return f(x.watch);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, forget_parsed&) {
  return f();
}

} // namespace thespis::actors
