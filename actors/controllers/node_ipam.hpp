// Gives each node its share of the cluster's pod addresses: spec.podCIDR and spec.podCIDRs.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/text/cidr.hpp"

#include <memory>

namespace thespis::actors {

struct node_ipam_deps {
  api::cidr pod_range;     ///< of the cluster, IPv4
  unsigned node_mask = 24; ///< the prefix of a node's share; not shorter than the range's
};

/// A node that has a range keeps it. No two nodes get the same, whoever gave them theirs; a
/// deleted node's range is given again, once those after it have been. A node for which nothing is
/// left is told so (CIDRNotAvailable) and gets one when another node goes.
std::unique_ptr<reconciler> make_node_ipam_controller(node_ipam_deps deps);

} // namespace thespis::actors
