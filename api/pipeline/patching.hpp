// Applying the patch of a call. Internal to api/pipeline.
#pragma once

#include "api/patch/patch_schema.hpp"
#include "api/pipeline/operation.hpp"

namespace thespis::api {

/// Applies the call's patch to `target`. `schema` says how strategic merge treats lists; nullptr
/// replaces them. Errors: bad_request, invalid, unsupported_media_type.
result<void> apply_patch(const operation& op, json::document& target,
                         const patch::type_schema* schema);

} // namespace thespis::api
