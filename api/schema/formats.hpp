// The named formats of the schema files' `format:`, with the messages Kubernetes gives.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::schema {

/// What is wrong with `text` as a `format`; empty when nothing is. An unknown format accepts all
/// (the built-in schema uses none).
std::vector<std::string> check_format(std::string_view format, std::string_view text);

/// True when the engine knows a format of this name.
bool is_format(std::string_view format);

} // namespace thespis::api::schema
