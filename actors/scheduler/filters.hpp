// The scheduler's library of filters, which say why a node does not fit.
// Named after the plugins of Kubernetes' scheduler.
#pragma once

#include "actors/scheduler/pod_cycle.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::actors {

/// What a change can be about: a pod that waits is tried again when a change may help it.
enum change : uint32_t {
  node_changed = 1,
  pod_gone = 2,
  pod_placed = 4, ///< or relabelled, or its namespace was
  storage_changed = 8,
  any_change = 15,
};

/// Why a pod does not fit on a node, in Kubernetes' words; empty when it does.
struct verdict {
  std::vector<std::string> reasons;
  bool final = false; ///< also without any other pod on the node: preemption cannot help
  bool fits() const { return reasons.empty(); }
};

struct filter {
  std::string_view name;
  uint32_t helped_by; ///< of `change`
  verdict (*judge)(const pod_cycle& c, const node_info& n);
};

/// NodeUnschedulable, NodeName, TaintToleration, NodeAffinity, NodePorts, NodeResourcesFit,
/// VolumeRestrictions, VolumeBinding, PodTopologySpread, InterPodAffinity.
const std::vector<filter>& all_filters();

/// Does the toleration tolerate the taint?
bool tolerates(const api::v1::toleration& t, const api::v1::taint& taint);
bool tolerates(const std::vector<api::v1::toleration>& all, const api::v1::taint& taint);

/// Can both not be had on one node?
bool ports_clash(const host_port& a, const host_port& b);

/// Does the node satisfy spec.nodeSelector and the required node affinity?
bool matches_node_selector(const api::v1::pod_spec& spec, const api::v1::node& node);
/// Does the node satisfy one of the terms?
bool matches_terms(const api::v1::node_selector& s, const api::v1::node& node);
bool matches_term(const api::v1::node_selector_term& t, const api::v1::node& node);

} // namespace thespis::actors
