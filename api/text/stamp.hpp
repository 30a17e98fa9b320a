// Times of any year, as objects may tell them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace thespis::api {

/// An instant in the years 0 to 9999, of which a time_point (api/text/time.hpp) holds only some:
/// clients do write years like 1.
using stamp = std::chrono::sys_time<std::chrono::microseconds>;

/// What RFC 3339 can say: the years 0 to 9999.
bool in_range(std::chrono::sys_seconds t);

/// Any RFC 3339 time, with or without a fraction (digits beyond microseconds are dropped) and with
/// any offset; nothing when it is none.
std::optional<stamp> parse_stamp(std::string_view text);

/// metav1.Time: RFC 3339 in UTC, whole seconds, rounded down.
std::string format_time(stamp t);
/// metav1.MicroTime: RFC 3339 in UTC with six fractional digits.
std::string format_micro_time(stamp t);

} // namespace thespis::api
