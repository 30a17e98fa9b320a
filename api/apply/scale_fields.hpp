// Field ownership through the scale subresource: whoever owns a workload's replicas owns those of
// its Scale, and the other way round.
#pragma once

#include "api/apply/managers.hpp"

namespace thespis::api::apply {

/// Finds the path of the replicas in a version of the workload; empty when the version is gone.
using replicas_path = std::function<path(std::string_view api_version)>;

/// The managers of the workload as those of its Scale (autoscaling/v1): all that own the replicas.
managers to_scale(const managers& workload, const replicas_path& where);

/// The workload's managers after the Scale's became `scale`. `api_version` is that in which new
/// owners of the replicas are entered.
managers from_scale(const managers& workload, managers scale, const replicas_path& where,
                    const std::string& api_version);

} // namespace thespis::api::apply
