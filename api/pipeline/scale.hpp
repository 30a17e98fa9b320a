// autoscaling/v1 Scale: how kubectl scale and autoscalers see a workload.
#pragma once

#include "api/object/object.hpp"
#include "api/result.hpp"

#include <string>

namespace thespis::api {

/// Whether objects of this resource have a scale subresource.
bool is_scalable(std::string_view resource);

/// The Scale of a workload, compact JSON: the answer to GET …/scale, and to its updates (which
/// answer with the workload as `reply::object`). Errors: not_found for resources without scale.
result<std::string> scale_of(const object& workload);

} // namespace thespis::api
