// Times and durations as Kubernetes writes them. Nothing here reads a clock.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace thespis::api {

using time_point = std::chrono::sys_time<std::chrono::nanoseconds>;

/// metav1.Time: RFC 3339 in UTC, whole seconds ("2026-01-31T23:59:59Z"), rounded down.
std::string format_time(time_point t);
/// metav1.MicroTime: RFC 3339 in UTC with six fractional digits.
std::string format_micro_time(time_point t);
/// Any RFC 3339 time, with or without a fraction (digits beyond nanoseconds are dropped) and with
/// any offset; nothing when it is none, or lies outside the years 1678 to 2261.
std::optional<time_point> parse_time(std::string_view text);

/// A duration as Go's ParseDuration takes it ("1h2m3.5s", "-250ms", "0"); nothing when it is none
/// or exceeds 64 bits of nanoseconds.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);
/// As Go prints a Duration ("1h2m3.5s", "250ms", "0s").
std::string format_duration(std::chrono::nanoseconds d);
/// As kubectl's AGE columns print it ("5d3h", "12m", "45s").
std::string human_duration(std::chrono::nanoseconds d);

} // namespace thespis::api
