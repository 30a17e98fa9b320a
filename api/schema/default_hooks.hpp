// Defaults that depend on other fields, by the names that the schema files' `hook:` gives them.
// Internal to api/schema.
#pragma once

#include "api/json.hpp"

#include <string_view>

namespace thespis::api::schema {

/// Fills in `obj`, an object of the type that names the hook. Runs after the type's constants and
/// before the defaults of what is inside.
using default_hook = void (*)(json::value& obj, json::allocator& a);

/// nullptr when there is none of that name.
default_hook find_default_hook(std::string_view name);

} // namespace thespis::api::schema
