#include "api/text/time.hpp"

#include "api/text/stamp.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace thespis::api {

namespace {

using namespace std::chrono;

/// Reads exactly `n` digits and moves past them; -1 when they are not there.
int take_digits(std::string_view& s, size_t n) {
  if (s.size() < n)
    return -1;
  int v = 0;
  for (size_t i = 0; i < n; ++i) {
    if (s[i] < '0' || s[i] > '9')
      return -1;
    v = v * 10 + (s[i] - '0');
  }
  s.remove_prefix(n);
  return v;
}

bool take_char(std::string_view& s, char c) {
  if (s.empty() || s.front() != c)
    return false;
  s.remove_prefix(1);
  return true;
}

std::optional<sys_days> take_date(std::string_view& s) {
  int y = take_digits(s, 4);
  if (y < 0 || !take_char(s, '-'))
    return std::nullopt;
  int m = take_digits(s, 2);
  if (m < 0 || !take_char(s, '-'))
    return std::nullopt;
  int d = take_digits(s, 2);
  if (d < 0)
    return std::nullopt;
  year_month_day date{year{y}, month{static_cast<unsigned>(m)}, day{static_cast<unsigned>(d)}};
  if (!date.ok())
    return std::nullopt;
  return sys_days{date};
}

/// "hh:mm", each below its limit.
std::optional<minutes> take_hours_minutes(std::string_view& s) {
  int h = take_digits(s, 2);
  if (h < 0 || h > 23 || !take_char(s, ':'))
    return std::nullopt;
  int m = take_digits(s, 2);
  if (m < 0 || m > 59)
    return std::nullopt;
  return hours{h} + minutes{m};
}

std::optional<nanoseconds> take_fraction(std::string_view& s) {
  if (!take_char(s, '.'))
    return nanoseconds{0};
  int64_t nanos = 0;
  size_t digits = 0;
  for (; digits < s.size() && s[digits] >= '0' && s[digits] <= '9'; ++digits)
    if (digits < 9)
      nanos = nanos * 10 + (s[digits] - '0');
  if (digits == 0)
    return std::nullopt;
  for (size_t i = digits; i < 9; ++i)
    nanos *= 10;
  s.remove_prefix(digits);
  return nanoseconds{nanos};
}

std::optional<minutes> take_offset(std::string_view& s) {
  if (take_char(s, 'Z'))
    return minutes{0};
  bool west = !s.empty() && s.front() == '-';
  if (!take_char(s, west ? '-' : '+'))
    return std::nullopt;
  auto offset = take_hours_minutes(s);
  if (offset && west)
    *offset = -*offset;
  return offset;
}

std::string format(stamp t, bool micro) {
  auto whole = floor<seconds>(t);
  auto date = floor<days>(whole);
  year_month_day ymd{date};
  hh_mm_ss clock{whole - date};
  char buf[64];
  int n = std::snprintf(buf, sizeof buf, "%04d-%02u-%02uT%02d:%02d:%02d",
                        static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()),
                        static_cast<unsigned>(ymd.day()), static_cast<int>(clock.hours().count()),
                        static_cast<int>(clock.minutes().count()),
                        static_cast<int>(clock.seconds().count()));
  if (micro)
    n += std::snprintf(buf + n, sizeof buf - static_cast<size_t>(n), ".%06d",
                       static_cast<int>((t - whole).count()));
  return std::string(buf, static_cast<size_t>(n)) + "Z";
}

/// Nanoseconds of a duration's unit; 0 when there is none of that name.
int64_t unit(std::string_view name) {
  if (name == "ns")
    return 1;
  if (name == "us" || name == "\xC2\xB5s" || name == "\xCE\xBCs")
    return 1'000;
  if (name == "ms")
    return 1'000'000;
  if (name == "s")
    return 1'000'000'000;
  if (name == "m")
    return 60'000'000'000;
  if (name == "h")
    return 3'600'000'000'000;
  return 0;
}

__extension__ using wide = __int128;

/// One "12.5h" of a duration, in nanoseconds; negative when malformed or too large.
wide take_part(std::string_view& s) {
  constexpr wide limit = wide{1} << 64;
  wide whole = 0, fraction = 0, scale = 1;
  size_t i = 0;
  bool digits = false, dot = false;
  for (; i < s.size(); ++i) {
    if (s[i] == '.' && !dot) {
      dot = true;
    } else if (s[i] >= '0' && s[i] <= '9') {
      digits = true;
      if (!dot && (whole = whole * 10 + (s[i] - '0')) > limit)
        return -1;
      // More places than a nanosecond of an hour has do not count.
      if (dot && scale < 1'000'000'000'000'000) {
        fraction = fraction * 10 + (s[i] - '0');
        scale *= 10;
      }
    } else {
      break;
    }
  }
  size_t end = i;
  while (end < s.size() && s[end] != '.' && !(s[end] >= '0' && s[end] <= '9'))
    ++end;
  int64_t u = unit(s.substr(i, end - i));
  s.remove_prefix(end);
  if (!digits || u == 0)
    return -1;
  return whole * u + fraction * u / scale;
}

/// `n` / `scale` without trailing zeros of the fraction.
std::string decimal(uint64_t n, uint64_t scale) {
  auto out = std::to_string(n / scale);
  if (auto rest = n % scale) {
    auto fraction = std::to_string(scale + rest).substr(1);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    out += "." + fraction;
  }
  return out;
}

std::string two_units(int64_t big, char big_unit, int64_t small, char small_unit) {
  auto out = std::to_string(big) + big_unit;
  if (small != 0)
    out += std::to_string(small) + small_unit;
  return out;
}

/// A time's seconds and what goes beyond them.
std::optional<std::pair<sys_seconds, nanoseconds>> take_time(std::string_view s) {
  auto date = take_date(s);
  if (!date || !take_char(s, 'T'))
    return std::nullopt;
  auto clock = take_hours_minutes(s);
  if (!clock || !take_char(s, ':'))
    return std::nullopt;
  int second = take_digits(s, 2);
  if (second < 0 || second > 59)
    return std::nullopt;
  auto fraction = take_fraction(s);
  if (!fraction)
    return std::nullopt;
  auto offset = take_offset(s);
  if (!offset || !s.empty())
    return std::nullopt;
  return std::pair{*date + *clock + seconds{second} - *offset, *fraction};
}

} // namespace

std::string format_time(time_point t) {
  return format(floor<microseconds>(t), false);
}

std::string format_micro_time(time_point t) {
  return format(floor<microseconds>(t), true);
}

std::string format_time(stamp t) {
  return format(t, false);
}

std::string format_micro_time(stamp t) {
  return format(t, true);
}

bool in_range(sys_seconds t) {
  return t >= sys_days{year{0} / 1 / 1} && t < sys_days{year{10000} / 1 / 1};
}

std::optional<stamp> parse_stamp(std::string_view s) {
  const auto t = take_time(s);
  if (!t || !in_range(t->first))
    return std::nullopt;
  return stamp{t->first} + floor<microseconds>(t->second);
}

std::optional<time_point> parse_time(std::string_view s) {
  const auto t = take_time(s);
  // Beyond these years 64 bits of nanoseconds overflow.
  if (!t || t->first < sys_days{year{1678} / 1 / 1} || t->first >= sys_days{year{2262} / 1 / 1})
    return std::nullopt;
  return time_point{t->first} + t->second;
}

std::optional<nanoseconds> parse_duration(std::string_view s) {
  bool negative = !s.empty() && s.front() == '-';
  if (negative || (!s.empty() && s.front() == '+'))
    s.remove_prefix(1);
  if (s == "0")
    return nanoseconds{0};
  if (s.empty())
    return std::nullopt;
  wide total = 0;
  constexpr wide limit = INT64_MAX;
  while (!s.empty()) {
    wide part = take_part(s);
    if (part < 0)
      return std::nullopt;
    total += part;
    if (total > limit)
      return std::nullopt;
  }
  auto n = static_cast<int64_t>(total);
  return nanoseconds{negative ? -n : n};
}

std::string format_duration(nanoseconds d) {
  int64_t n = d.count();
  if (n == 0)
    return "0s";
  uint64_t u = n < 0 ? 0 - static_cast<uint64_t>(n) : static_cast<uint64_t>(n);
  std::string out = n < 0 ? "-" : "";
  if (u < 1'000)
    return out + std::to_string(u) + "ns";
  if (u < 1'000'000)
    return out + decimal(u, 1'000) + "\xC2\xB5s";
  if (u < 1'000'000'000)
    return out + decimal(u, 1'000'000) + "ms";
  constexpr uint64_t minute = 60'000'000'000, hour = 60 * minute;
  if (u >= hour)
    out += std::to_string(u / hour) + "h";
  if (u >= minute)
    out += std::to_string(u % hour / minute) + "m";
  return out + decimal(u % minute, 1'000'000'000) + "s";
}

std::string human_duration(nanoseconds d) {
  int64_t s = duration_cast<seconds>(d).count();
  if (s < -1)
    return "<invalid>";
  if (s < 0)
    return "0s";
  if (s < 120)
    return std::to_string(s) + "s";
  int64_t m = s / 60, h = m / 60, day = h / 24;
  if (m < 10)
    return two_units(m, 'm', s % 60, 's');
  if (m < 180)
    return std::to_string(m) + "m";
  if (h < 8)
    return two_units(h, 'h', m % 60, 'm');
  if (h < 48)
    return std::to_string(h) + "h";
  if (h < 192)
    return two_units(day, 'd', h % 24, 'h');
  if (day < 730)
    return std::to_string(day) + "d";
  if (day < 2920)
    return two_units(day / 365, 'y', day % 365, 'd');
  return std::to_string(day / 365) + "y";
}

} // namespace thespis::api
