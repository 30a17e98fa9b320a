// autoscaling/v1 Scale: how kubectl scale and autoscalers see a workload.
#pragma once

#include "api/object/object.hpp"
#include "api/result.hpp"
#include "api/schema/schema.hpp"

#include <string>

namespace thespis::api {

/// Whether objects of this resource have a scale subresource.
bool is_scalable(const schema::resource& r);

/// The Scale of a workload, compact JSON: the answer to GET …/scale, and to its updates (which
/// answer with the workload as `reply::object`). `workload` is in the version of `r`. Errors:
/// not_found for resources without scale; internal_error without a number of replicas.
result<std::string> scale_of(const schema::resource& r, const object& workload);

} // namespace thespis::api
