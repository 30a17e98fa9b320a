// JSON patch, RFC 6902 (application/json-patch+json).
#pragma once

#include "api/json.hpp"
#include "api/result.hpp"

namespace thespis::api::patch {

struct json_patch_limits {
  size_t max_operations = 10000;             ///< as the apiserver's
  size_t max_copied_bytes = 3 * 1024 * 1024; ///< by all `copy` operations together
  unsigned max_depth = 128;                  ///< of the result, as json::limits
  /// Members and elements looked at or shifted, by all operations together: a small patch of a
  /// large document could otherwise keep a thread for minutes.
  size_t max_steps = 20'000'000;
};

/// Applies the operations of `patch` in their order to `target`, whose values live in `a`. On
/// failure the target is partly changed; drop it. Errors: bad_request when `patch` is no list of
/// objects; `invalid` with the apiserver's message and the detail as a cause when an operation does
/// not apply or a `test` fails; request_entity_too_large beyond a limit.
result<void> apply_json_patch(json::value& target, const json::value& patch, json::allocator& a,
                              const json_patch_limits& limits = {});

} // namespace thespis::api::patch
