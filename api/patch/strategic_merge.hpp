// Strategic merge patch (application/strategic-merge-patch+json): JSON merge patch that knows from
// the schema which lists to merge by key, with the directives `$patch`, `$retainKeys`,
// `$setElementOrder/<list>` and `$deleteFromPrimitiveList/<list>`.
#pragma once

#include "api/json.hpp"
#include "api/patch/patch_schema.hpp"
#include "api/result.hpp"

namespace thespis::api::patch {

/// Applies `patch` to the object `target`, whose values live in `a`. Without a schema (or where it
/// ends) objects merge and lists are replaced. New elements of a merging list without
/// `$setElementOrder` come first, as in Kubernetes. On failure the target is partly changed; drop
/// it. Errors: bad_request for a patch that is malformed, `invalid` for lists of lists.
result<void> apply_strategic_merge(json::value& target, const json::value& patch,
                                   const type_schema* schema, json::allocator& a);

} // namespace thespis::api::patch
