// OpenAPI documents of everything the API serves, written from the schema registry. They are
// large: callers keep the bytes, nothing else stays.
#pragma once

#include "api/openapi/foreign.hpp"
#include "api/schema/schema.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thespis::api::openapi {

/// /openapi/v2: Swagger 2.0, compact JSON. A definition that we have is ours, whatever others mean
/// by its name.
std::string v2_json(const schema::registry& r, const foreign_parts& foreign = {});

/// /openapi/v2 as an openapi.v2.Document message (gnostic's OpenAPIv2.proto).
std::string v2_protobuf(const schema::registry& r, const foreign_parts& foreign = {});

/// Group versions ("apis/GROUP/VERSION") that other servers describe, and where.
using foreign_paths = std::vector<std::pair<std::string, std::string>>;

/// /openapi/v3: {"paths":{"apis/apps/v1":{"serverRelativeURL":"/openapi/v3/apis/apps/v1?hash=…"}}}.
std::string v3_index(const schema::registry& r, const foreign_paths& foreign = {});

/// Whether there is a document for "api/v1" or "apis/apps/v1".
bool has_v3(const schema::registry& r, std::string_view group_version);

/// /openapi/v3/GROUP_VERSION: OpenAPI 3.0, compact JSON; nothing when there is none.
std::optional<std::string> v3(const schema::registry& r, std::string_view group_version);

/// A document's hash in upper-case hexadecimal, as entity tag and as `hash` in the index.
std::string hash_of(std::string_view document);

} // namespace thespis::api::openapi
