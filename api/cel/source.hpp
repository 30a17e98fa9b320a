// Where in an expression something is wrong, and how that is told.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::cel {

/// A complaint about the byte at `offset` of an expression.
struct issue {
  uint32_t offset = 0;
  std::string message;
};

using issues = std::vector<issue>;

/// The complaints in the order of their places, each as three lines:
/// "ERROR: <input>:1:6: message", the line of the expression, and a caret under the place.
/// Columns count code points from 1. At most 100 are told.
std::string describe(std::string_view text, issues found);

} // namespace thespis::api::cel
