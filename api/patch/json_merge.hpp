// JSON merge patch, RFC 7396 (application/merge-patch+json).
#pragma once

#include "api/json.hpp"

namespace thespis::api::patch {

/// Applies `patch` to `target`, whose values live in `a`. Cannot fail: any value is a valid patch,
/// and one that is no object replaces the target. Costs O((n + m) log n).
void apply_json_merge(json::value& target, const json::value& patch, json::allocator& a);

} // namespace thespis::api::patch
