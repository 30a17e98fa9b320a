// Which nodes a DaemonSet's pods belong on. Pure functions of generated structs.
#pragma once

#include "api/generated/apps_v1.hpp"
#include "api/generated/core_v1_node.hpp"

#include <string>

namespace thespis::actors::daemons {

/// What a node means to a set.
struct placement {
  bool wanted = false;   ///< a pod shall be there
  bool may_stay = false; ///< a pod that is there may go on
};

/// The pod that a set runs on that node: its template, bound there by node affinity, tolerating
/// what every daemon tolerates.
api::v1::pod pod_for(const api::v1::daemon_set& set, const std::string& node);

placement place(const api::v1::daemon_set& set, const api::v1::node& n);

/// The node that a pod runs on, or is meant for; empty when it is not a daemon's pod.
std::string node_of(const api::v1::pod& p);

} // namespace thespis::actors::daemons
