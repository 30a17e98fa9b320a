// The scheduler's library: filters that say why a node does not fit, scores that say how well.
// Named after the plugins of Kubernetes' scheduler.
#pragma once

#include "actors/scheduler/node_info.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::actors {

/// Why a pod does not fit on a node, in Kubernetes' words; empty when it does.
using filter_function = std::vector<std::string> (*)(const pod_info& p, const node_info& n);
/// 0 to 100.
using score_function = int64_t (*)(const pod_info& p, const node_info& n);

struct filter {
  std::string_view name;
  filter_function reasons;
};
struct score {
  std::string_view name;
  int64_t weight;
  score_function value;
};

/// NodeUnschedulable, NodeName, TaintToleration, NodeAffinity, NodePorts, NodeResourcesFit.
const std::vector<filter>& all_filters();
/// NodeResourcesLeastAllocated, SelectorSpread, TaintToleration (PreferNoSchedule), NodeAffinity.
const std::vector<score>& all_scores();

/// Does the toleration tolerate the taint?
bool tolerates(const api::v1::toleration& t, const api::v1::taint& taint);
bool tolerates(const std::vector<api::v1::toleration>& all, const api::v1::taint& taint);

/// Does the node satisfy spec.nodeSelector and the required node affinity?
bool matches_node_selector(const api::v1::pod_spec& spec, const api::v1::node& node);

} // namespace thespis::actors
