// Types of CEL from the schemas of custom resources.
#pragma once

#include "api/cel/type.hpp"
#include "api/json.hpp"

#include <optional>

namespace thespis::api::cel {

/// A property's name as expressions write it: "foo-bar" is foo__dash__bar, "in" is __in__. Nothing
/// for names that no identifier stands for.
std::optional<std::string> escape_name(std::string_view name);

/// The type of a structural schema (JSONSchemaProps), with the sizes that costs are estimated by.
/// `root`: a resource, which has apiVersion, kind, metadata.name and metadata.generateName whatever
/// its schema says. nullptr when expressions cannot see such values.
const type* schema_type(const json::value& schema, bool root, type_store& types);

/// How many values of so few bytes fit a request.
uint64_t most_in_request(uint64_t min_json);

} // namespace thespis::api::cel
