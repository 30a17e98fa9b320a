// ApplyConfiguration: merging what an expression yields into an object.
#pragma once

#include "api/json.hpp"
#include "api/result.hpp"
#include "api/schema/schema.hpp"

namespace thespis::api::admission {

/// Merges as server-side apply does: objects and maps by member, lists by their kind: maps by
/// their keys, sets as unions. Errors: bad_request where an atomic list, map or object would be
/// altered, which Kubernetes does not let policies do.
result<void> merge_applied(const schema::struct_type& type, json::value& target,
                           const json::value& applied, json::allocator& a);

} // namespace thespis::api::admission
