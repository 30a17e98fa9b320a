// What a registry says: one an API resource, it turns the store's event batches into watches.
// A watch is pulled: the registry sends a batch, the watcher acknowledges it, the registry sends
// the next from its window. A slow watcher thus holds no memory but its place in the window, and
// is cut off (410 Expired) when the window moves past it.
#pragma once

#include "api/pipeline/watch.hpp"
#include "runtime/actor_base.hpp"
#include "runtime/object_messages.hpp"
#include "runtime/registry/registry_state.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace thespis::api {

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, selection& x) {
  return f(x.ns, x.name, x.node_name, x.label_selector, x.field_selector);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, watch_event& x) {
  object_ref object{x.object};
  auto load = [&]() -> caf::error {
    x.object = object.ptr;
    return caf::none;
  };
  return f(x.kind, object, caf::meta::load_callback(load));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, watch_events& x) {
  return f(x.revision, x.initial_end, x.events);
}

} // namespace thespis::api

namespace thespis::runtime {

/// The next events of a watch.
struct watch_batch {
  uint64_t watch = 0; ///< the id the watcher chose
  api::watch_events what;
};

/// The watch is over: the window moved past it, or the registry ends. The watcher lists again.
struct watch_closed {
  uint64_t watch = 0;
  api::error why;
};

using watcher_handle = caf::typed_actor<caf::reacts_to<watch_batch>, caf::reacts_to<watch_closed>>;

/// Starts a watch.
struct subscribe {
  watcher_handle watcher;
  uint64_t watch = 0; ///< chosen by the watcher, unique for it
  api::selection what;
  /// Send events after this revision. 0: first the present state as `added` events.
  uint64_t from_revision = 0;
};

/// The watcher handled a batch and takes the next.
struct watch_ack {
  watcher_handle watcher;
  uint64_t watch = 0;
};

struct unsubscribe {
  watcher_handle watcher;
  uint64_t watch = 0;
};

/// From the store: what one commit changed in this resource.
struct publish {
  std::vector<event> events;
};

/// Asks every watcher's registry for an empty batch with the present revision (a bookmark).
struct progress_request {
  watcher_handle watcher;
  uint64_t watch = 0;
};

// clang-format off
using registry_handle = caf::typed_actor<
  /// Starts a watch; answers nothing. A revision outside the window is answered by watch_closed.
  caf::reacts_to<subscribe>,
  /// Gives a watch credit for its next batch.
  caf::reacts_to<watch_ack>,
  /// Ends a watch.
  caf::reacts_to<unsubscribe>,
  /// Sends an empty batch that tells the revision up to which the watcher has seen all.
  caf::reacts_to<progress_request>,
  /// New events from the store.
  caf::reacts_to<publish>>;
// clang-format on

/// The role of a resource's registry in the directory: "registry/pods".
inline std::string registry_role(std::string_view resource) {
  return "registry/" + std::string{resource};
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, event& x) {
  return f(x.kind, x.object, x.previous);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, watch_batch& x) {
  return f(x.watch, x.what);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, watch_closed& x) {
  return f(x.watch, x.why);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, subscribe& x) {
  return f(x.watcher, x.watch, x.what, x.from_revision);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, watch_ack& x) {
  return f(x.watcher, x.watch);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, unsubscribe& x) {
  return f(x.watcher, x.watch);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, publish& x) {
  return f(x.events);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, progress_request& x) {
  return f(x.watcher, x.watch);
}

} // namespace thespis::runtime
