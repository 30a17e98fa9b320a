// The taints that a node's state puts on it, and which pods bear them for how long.
#pragma once

#include "actors/controllers/pods_of.hpp"
#include "api/generated/core_v1_node.hpp"

#include <optional>
#include <string>
#include <vector>

namespace thespis::actors {

/// The pods on a node.
std::vector<observed_pod> pods_on(const std::string& node, const view& v);

/// Puts on and takes off the taints that follow from `ready` (the Ready condition's status, empty
/// when there is none), the pressure conditions and spec.unschedulable. A node that is not ready is
/// tainted NoExecute only when it may be emptied. True when some changed.
bool update_taints(api::v1::node& n, const std::string& ready, bool may_empty, wall_time now);

/// Whether it is tainted NoExecute for not being ready.
bool is_being_emptied(const api::v1::node& n);

/// The taints with effect NoExecute.
std::vector<api::v1::taint> evicting_taints(const api::v1::node& n);

/// Until when the pod may stay in spite of the taints: nothing when for ever, the epoch when it
/// does not tolerate one at all. A taint that does not say since when counts from `now`.
std::optional<wall_time> tolerated_until(const api::v1::pod& p,
                                         const std::vector<api::v1::taint>& taints, wall_time now);

} // namespace thespis::actors
