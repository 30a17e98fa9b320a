// Nodes that stop reporting, and what that means for their pods.
#pragma once

#include "actors/controllers/node_zones.hpp"
#include "actors/framework/reconciler.hpp"

#include <chrono>
#include <memory>

namespace thespis::actors {

struct node_lifecycle_deps {
  /// A node that says nothing for so long is unreachable.
  std::chrono::nanoseconds grace = std::chrono::seconds{50};
  /// The same for one that never said anything.
  std::chrono::nanoseconds startup_grace = std::chrono::minutes{1};
  eviction_pace pace = {};
};

/// Keys are Nodes. A node reports by its Lease or by its Ready condition's heartbeat; what counts
/// is when the controller saw the report change, so clocks need not agree, and a controller that
/// starts anew gives every node its grace anew.
/// Keeps the taints not-ready, unreachable, unschedulable and those of pressure conditions in step
/// with the node; pods that do not tolerate a NoExecute taint are evicted when their time is over.
/// Nodes that are not ready are emptied at their zone's pace (node_zones.hpp), and none is while
/// all zones are down.
std::unique_ptr<reconciler> make_node_lifecycle_controller(const node_lifecycle_deps& deps = {});

} // namespace thespis::actors
