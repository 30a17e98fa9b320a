// The scheduler's library of scores, which say how good a node is for a pod.
#pragma once

#include "actors/scheduler/pod_cycle.hpp"

#include <cstdint>
#include <vector>

namespace thespis::actors {

/// For each node a sum of NodeResourcesFit (least allocated), NodeResourcesBalancedAllocation,
/// NodeAffinity, TaintToleration, PodTopologySpread, InterPodAffinity, and ImageLocality, each
/// brought to 0..100 and weighted as Kubernetes does. The more the better.
std::vector<int64_t> score_nodes(const pod_cycle& c, const std::vector<const node_info*>& nodes);

} // namespace thespis::actors
