// JSON pointers, RFC 6901.
#pragma once

#include "api/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::patch {

/// The unescaped reference tokens of a pointer; none for the whole document.
/// Errors: bad_request when it does not begin with "/" or `~` is followed by neither 0 nor 1.
result<std::vector<std::string>> parse_pointer(std::string_view text);

/// An array index as RFC 6901 spells it: digits without a leading zero; nothing otherwise.
std::optional<size_t> parse_index(std::string_view token);

} // namespace thespis::api::patch
