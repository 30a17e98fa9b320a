// Timestamps and durations over the whole range of CEL: years 1 to 9999.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace thespis::api::cel {

struct timestamp {
  int64_t seconds = 0; ///< since 1970, UTC
  uint32_t nanoseconds = 0;
};

constexpr int64_t min_timestamp = -62135596800;
constexpr int64_t max_timestamp = 253402300799;

/// RFC 3339; nothing when it is none or out of range.
std::optional<timestamp> parse_timestamp(std::string_view text);
std::string format_timestamp(const timestamp& t);

/// "1h30m", as Go parses durations; nanoseconds.
std::optional<int64_t> parse_cel_duration(std::string_view text);
/// As CEL's string(duration) writes it: seconds, "5400s".
std::string format_seconds(int64_t nanoseconds);

/// A moment's calendar fields in a time zone.
struct calendar {
  int64_t year = 0;
  int month = 0;       ///< from 0
  int day = 0;         ///< of the month, from 1
  int weekday = 0;     ///< from Sunday
  int day_of_year = 0; ///< from 0
  int hour = 0, minute = 0, second = 0;
};

/// `zone` is "", "UTC", "+01:30" or a name of the time zone database; nothing when unknown.
std::optional<calendar> in_zone(const timestamp& t, std::string_view zone);

} // namespace thespis::api::cel
