// Applying the patch of a call. Internal to api/pipeline.
#pragma once

#include "api/patch/patch_schema.hpp"
#include "api/pipeline/operation.hpp"

namespace thespis::api {

/// Applies the call's patch to `target`. `schema` says how strategic merge treats lists; nullptr
/// replaces them. What is to be told of the patch's own field names is appended to `reports`.
/// Errors: bad_request, invalid, unsupported_media_type.
result<void> apply_patch(const operation& op, json::document& target,
                         const patch::type_schema* schema,
                         std::vector<std::string>* reports = nullptr);

} // namespace thespis::api
