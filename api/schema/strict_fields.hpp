// What strict decoding says of a body's field names: those that are no field, and those that stand
// there twice. Only asked where a body repeats a name; `conform` reports unknown ones by itself.
#pragma once

#include "api/json.hpp"
#include "api/schema/schema.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::schema {

/// `duplicate field "spec.paused"` and `unknown field "spec.foo"` of a JSON text, in the order in
/// which they stand there, each once, at most 100. An unknown field is not looked into, and is not
/// called a duplicate as well. nullptr for `type`: of no type, so that no field is unknown.
/// `text` is known to be JSON.
std::vector<std::string> field_reports(const struct_type* type, std::string_view text);

/// The same of the operations of a JSON patch: `json patch unknown field "[0].foo"`.
std::vector<std::string> json_patch_reports(std::string_view text);

} // namespace thespis::api::schema
