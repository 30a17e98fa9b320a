// Which endpoints the nodes of a zone should use, written into them as hints.
#pragma once

#include "api/generated/core_v1_service.hpp"
#include "api/generated/discovery_v1.hpp"

#include <map>
#include <string>
#include <vector>

namespace thespis::actors {

/// The processors of the ready nodes of each zone, in thousandths; a zone whose share of them is
/// unknown is missing.
using zone_cpus = std::map<std::string, int64_t>;

/// What a Service asks of its endpoints' hints.
enum class topology : uint8_t {
  none,
  proportional, ///< annotation topology-mode: Auto; a zone gets endpoints as it has processors
  same_zone,    ///< trafficDistribution PreferClose or PreferSameZone
  same_node     ///< trafficDistribution PreferSameNode
};
topology topology_of(const api::v1::service& s);

/// Sets the hints of all endpoints of one service and family, and takes away those it does not ask
/// for. Proportional hints are left out where they would overload a zone, as Kubernetes does it:
/// fewer endpoints than zones, an unknown zone, or a share that cannot be met within a fifth.
void set_hints(topology how, const zone_cpus& zones,
               const std::vector<api::v1::slice_endpoint*>& endpoints);

} // namespace thespis::actors
