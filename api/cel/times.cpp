#include "api/cel/times.hpp"

#include "api/text/time.hpp"

#include <array>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <vector>

namespace thespis::api::cel {

namespace {

constexpr int64_t seconds_of_day = 86400;

std::optional<int> digits(std::string_view s, size_t pos, size_t count) {
  int n = 0;
  if (pos + count > s.size())
    return std::nullopt;
  for (size_t i = pos; i < pos + count; ++i) {
    if (s[i] < '0' || s[i] > '9')
      return std::nullopt;
    n = n * 10 + (s[i] - '0');
  }
  return n;
}

int64_t days_of(int year, int month, int day) {
  return std::chrono::sys_days{std::chrono::year{year} / month / day}.time_since_epoch().count();
}

std::optional<int64_t> parse_offset(std::string_view s) {
  if (s == "Z" || s == "z")
    return 0;
  if (s.size() != 6 || (s[0] != '+' && s[0] != '-') || s[3] != ':')
    return std::nullopt;
  auto h = digits(s, 1, 2), m = digits(s, 4, 2);
  if (!h || !m || *h > 23 || *m > 59)
    return std::nullopt;
  return (s[0] == '-' ? -1 : 1) * (*h * 3600 + *m * 60);
}

/// Big-endian integer of a zone file.
int64_t big_endian(const std::string& data, size_t pos, size_t bytes) {
  uint64_t n = 0;
  for (size_t i = 0; i < bytes; ++i)
    n = n << 8 | static_cast<unsigned char>(data[pos + i]);
  return bytes == 4 ? static_cast<int32_t>(n) : static_cast<int64_t>(n);
}

/// The offset of a moment by a TZif file (RFC 8536): the 64-bit block behind the 32-bit one.
std::optional<int64_t> offset_of(const std::string& data, int64_t at) {
  constexpr size_t header = 44;
  if (data.size() < 2 * header || data.compare(0, 4, "TZif") != 0 || data[4] < '2')
    return std::nullopt;
  auto count = [&](size_t base, size_t n) { return big_endian(data, base + 20 + n * 4, 4); };
  auto skip =
      count(0, 0) + count(0, 1) + count(0, 2) * 8 + count(0, 3) * 5 + count(0, 4) * 6 + count(0, 5);
  auto base = header + static_cast<size_t>(skip);
  if (skip < 0 || base + header > data.size())
    return std::nullopt;
  auto times = static_cast<size_t>(count(base, 3)), types = static_cast<size_t>(count(base, 4));
  auto first = base + header, kinds = first + times * 8, records = kinds + times;
  if (types == 0 || types > 256 || times > data.size() || records + types * 6 > data.size())
    return std::nullopt;
  size_t chosen = 0;
  for (size_t n = 0; n < times && big_endian(data, first + n * 8, 8) <= at; ++n)
    chosen = static_cast<unsigned char>(data[kinds + n]);
  if (chosen >= types)
    return std::nullopt;
  return big_endian(data, records + chosen * 6, 4);
}

bool zone_name(std::string_view s) {
  if (s.empty() || s.size() > 64 || s[0] == '/' || s.find("..") != std::string_view::npos)
    return false;
  return s.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+/") ==
         std::string_view::npos;
}

std::optional<int64_t> zone_offset(std::string_view zone, int64_t at) {
  if (zone.empty() || zone == "UTC")
    return 0;
  if (zone.find(':') != std::string_view::npos) {
    auto sign = zone[0] == '+' || zone[0] == '-' ? std::string{} : std::string{"+"};
    return parse_offset(sign + std::string{zone});
  }
  if (!zone_name(zone))
    return std::nullopt;
  std::ifstream file{"/usr/share/zoneinfo/" + std::string{zone}, std::ios::binary};
  std::string data{std::istreambuf_iterator<char>{file}, {}};
  return offset_of(data, at);
}

int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

} // namespace

std::optional<timestamp> parse_timestamp(std::string_view s) {
  auto year = digits(s, 0, 4), month = digits(s, 5, 2), day = digits(s, 8, 2);
  auto hour = digits(s, 11, 2), minute = digits(s, 14, 2), second = digits(s, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second || s[4] != '-' || s[7] != '-' ||
      (s[10] != 'T' && s[10] != 't') || s[13] != ':' || s[16] != ':' || *hour > 23 ||
      *minute > 59 || *second > 59)
    return std::nullopt;
  if (!(std::chrono::year{*year} / *month / *day).ok())
    return std::nullopt;
  timestamp out;
  size_t pos = 19;
  if (pos < s.size() && s[pos] == '.') {
    uint32_t scale = 100'000'000;
    auto start = ++pos;
    for (; pos < s.size() && s[pos] >= '0' && s[pos] <= '9'; ++pos, scale /= 10)
      out.nanoseconds += static_cast<uint32_t>(s[pos] - '0') * scale;
    if (pos == start)
      return std::nullopt;
  }
  auto offset = parse_offset(s.substr(pos));
  if (!offset)
    return std::nullopt;
  out.seconds = days_of(*year, *month, *day) * seconds_of_day + *hour * 3600 + *minute * 60 +
                *second - *offset;
  if (out.seconds < min_timestamp || out.seconds > max_timestamp)
    return std::nullopt;
  return out;
}

std::string format_timestamp(const timestamp& t) {
  auto c = *in_zone(t, "");
  std::array<char, 40> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%04d-%02d-%02dT%02d:%02d:%02d",
                static_cast<int>(c.year), c.month + 1, c.day, c.hour, c.minute, c.second);
  std::string out = buffer.data();
  if (t.nanoseconds != 0) {
    std::snprintf(buffer.data(), buffer.size(), ".%09u", t.nanoseconds);
    std::string fraction = buffer.data();
    fraction.erase(fraction.find_last_not_of('0') + 1);
    out += fraction;
  }
  return out + "Z";
}

std::optional<int64_t> parse_cel_duration(std::string_view text) {
  auto d = parse_duration(text);
  return d ? std::optional{d->count()} : std::nullopt;
}

std::string format_seconds(int64_t nanoseconds) {
  constexpr int64_t second = 1'000'000'000;
  auto out = std::to_string(nanoseconds / second);
  auto rest = std::abs(nanoseconds % second);
  if (nanoseconds < 0 && nanoseconds > -second)
    out = "-0";
  if (rest != 0) {
    auto fraction = std::to_string(second + rest);
    fraction[0] = '.';
    fraction.erase(fraction.find_last_not_of('0') + 1);
    out += fraction;
  }
  return out + "s";
}

std::optional<calendar> in_zone(const timestamp& t, std::string_view zone) {
  auto offset = zone_offset(zone, t.seconds);
  if (!offset)
    return std::nullopt;
  auto local = t.seconds + *offset;
  auto days = floor_div(local, seconds_of_day);
  auto rest = local - days * seconds_of_day;
  auto date = std::chrono::sys_days{std::chrono::days{days}};
  std::chrono::year_month_day ymd{date};
  calendar c;
  c.year = static_cast<int>(ymd.year());
  c.month = static_cast<int>(static_cast<unsigned>(ymd.month())) - 1;
  c.day = static_cast<int>(static_cast<unsigned>(ymd.day()));
  c.weekday = static_cast<int>(std::chrono::weekday{date}.c_encoding());
  c.day_of_year = static_cast<int>(days - days_of(static_cast<int>(c.year), 1, 1));
  c.hour = static_cast<int>(rest / 3600);
  c.minute = static_cast<int>(rest / 60 % 60);
  c.second = static_cast<int>(rest % 60);
  return c;
}

} // namespace thespis::api::cel
