// What a watch is about, in neutral form: shared by registries, the REST server and controllers.
#pragma once

#include "api/object/object.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace thespis::api {

enum class event_kind : uint8_t { added, modified, deleted };

/// What part of a resource a watcher wants. Empty strings select everything.
struct selection {
  std::string ns;
  std::string name;           ///< metadata.name
  std::string node_name;      ///< spec.nodeName (pods)
  std::string label_selector; ///< as in a query: "app=web,tier!=cache"
  std::string field_selector; ///< further fields: "status.phase!=Running"
};

/// What watchers are sent; `kind` is relative to the selection: an object that starts to match is
/// `added`, one that no longer matches is `deleted`.
struct watch_event {
  event_kind kind = event_kind::added;
  object_ptr object;
};

/// Events in the order of their revisions. `revision` is how far the watcher has seen all.
struct watch_events {
  uint64_t revision = 0;
  bool initial_end = false; ///< this batch completes the initial state
  std::vector<watch_event> events;
};

} // namespace thespis::api
