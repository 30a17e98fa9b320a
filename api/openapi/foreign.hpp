// What extension servers say of their objects in OpenAPI v2, as part of our own document. (Of v3
// each group version has a document of its own, which they answer themselves.)
#pragma once

#include "api/json.hpp"
#include "api/openapi/model.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::openapi {

/// The part of a Swagger 2.0 document that is about one group version: its paths, and the
/// definitions that these lead to or that are of its kinds, as a document of these two members.
/// Empty when the text is no such document or has no such path.
std::string part_of_v2(std::string_view document, std::string_view group, std::string_view version);

/// Parts of several servers.
using foreign_parts = std::vector<std::shared_ptr<const std::string>>;

/// Calls `f` with each path, or with each definition, that no earlier part had.
void for_foreign(const foreign_parts& parts, const char* member,
                 const std::function<void(std::string_view name, const json::value& v)>& f);

/// A schema as the writers know it; what they do not write is left out.
node node_of(const json::value& schema);

/// A path and its operations, likewise.
path path_of(std::string_view name, const json::value& item);

} // namespace thespis::api::openapi
