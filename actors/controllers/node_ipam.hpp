// Gives each node its share of the cluster's pod addresses: spec.podCIDR and spec.podCIDRs.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/text/cidr.hpp"

#include <memory>

namespace thespis::actors {

/// The pods' addresses of one family.
struct pod_range {
  api::cidr range; ///< of the cluster
  unsigned node_mask =
      24; ///< the prefix of a node's share; at most 24 bits longer than the range's
};

struct node_ipam_deps {
  std::vector<pod_range> ranges; ///< of one family or of both, the primary first
};

/// A node gets one share of each range. One that has a range keeps what it has. No two nodes get
/// the same, whoever gave them theirs; a deleted node's range is given again, once those after it
/// have been. A node for which nothing is left is told so (CIDRNotAvailable) and gets one when
/// another node goes.
std::unique_ptr<reconciler> make_node_ipam_controller(node_ipam_deps deps);

} // namespace thespis::actors
