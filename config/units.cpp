#include "config/units.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace thespis::config {

namespace {

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto* end = text.data() + text.size();
  auto [at, code] = std::from_chars(text.data(), end, value);
  if (text.empty() || code != std::errc{} || at != end)
    return std::nullopt;
  return value;
}

/// The length of the digits and at most one point that `text` starts with.
size_t number_length(std::string_view text) {
  size_t n = 0;
  bool point = false;
  while (n < text.size() && ((text[n] >= '0' && text[n] <= '9') || (text[n] == '.' && !point)))
    point |= text[n++] == '.';
  return n;
}

std::optional<double> unit_milliseconds(std::string_view unit) {
  if (unit == "ms")
    return 1;
  if (unit == "s")
    return 1e3;
  if (unit == "m")
    return 60e3;
  if (unit == "h")
    return 3600e3;
  return std::nullopt;
}

struct byte_unit {
  std::string_view suffix;
  int64_t factor;
};

constexpr std::array<byte_unit, 8> byte_units{{
    {"Ti", int64_t{1} << 40},
    {"Gi", int64_t{1} << 30},
    {"Mi", int64_t{1} << 20},
    {"Ki", int64_t{1} << 10},
    {"T", 1'000'000'000'000},
    {"G", 1'000'000'000},
    {"M", 1'000'000},
    {"k", 1'000},
}};

} // namespace

const api::cidr* ip_ranges::of_family(bool v4) const {
  const auto i = std::find_if(all.begin(), all.end(),
                              [v4](const auto& range) { return range.base().is_v4() == v4; });
  return i == all.end() ? nullptr : &*i;
}

bool ip_ranges::contains(const api::ip_address& address) const {
  return std::any_of(all.begin(), all.end(),
                     [&](const auto& range) { return range.contains(address); });
}

bool ip_ranges::overlaps(const ip_ranges& other) const {
  return std::any_of(all.begin(), all.end(), [&](const auto& mine) {
    return std::any_of(other.all.begin(), other.all.end(),
                       [&](const auto& theirs) { return mine.overlaps(theirs); });
  });
}

std::vector<std::string> ip_ranges::texts() const {
  std::vector<std::string> res;
  for (const auto& range : all)
    res.push_back(range.to_string());
  return res;
}

std::optional<ip_ranges> parse_ranges(std::string_view text) {
  ip_ranges res;
  while (true) {
    const auto comma = text.find(',');
    const auto one = text.substr(0, comma);
    const auto range = api::parse_cidr(one);
    if (!range || range->base() != api::parse_ip(one.substr(0, one.find('/'))) ||
        res.of_family(range->base().is_v4()))
      return std::nullopt;
    res.all.push_back(*range);
    if (comma == std::string_view::npos)
      return res;
    text.remove_prefix(comma + 1);
  }
}

std::string to_string(const ip_ranges& ranges) {
  std::string out;
  for (const auto& range : ranges.all)
    out += (out.empty() ? "" : ",") + range.to_string();
  return out;
}

std::optional<port_range> parse_port_range(std::string_view text) {
  auto dash = text.find('-');
  if (dash == std::string_view::npos)
    return std::nullopt;
  auto first = parse_number<uint16_t>(text.substr(0, dash));
  auto last = parse_number<uint16_t>(text.substr(dash + 1));
  if (!first || !last || *first == 0 || *first > *last)
    return std::nullopt;
  return port_range{*first, *last};
}

std::string to_string(const port_range& range) {
  return std::to_string(range.first) + "-" + std::to_string(range.last);
}

std::optional<duration> parse_duration(std::string_view text) {
  if (text == "0")
    return duration{0};
  if (text.empty())
    return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    auto length = number_length(text);
    auto number = parse_number<double>(text.substr(0, length));
    text.remove_prefix(length);
    auto unit = text.substr(0, text.find_first_of("0123456789."));
    auto factor = unit_milliseconds(unit);
    if (!number || !factor)
      return std::nullopt;
    total += *number * *factor;
    text.remove_prefix(unit.size());
  }
  // A hundred years: beyond it a deadline computed from the value could overflow.
  if (total > 100.0 * 365 * 24 * 3600e3 || total != std::floor(total))
    return std::nullopt;
  return duration{static_cast<int64_t>(total)};
}

std::string to_string(duration d) {
  auto rest = d.count();
  if (rest == 0)
    return "0s";
  std::string out;
  auto take = [&](int64_t factor, const char* unit) {
    if (rest >= factor)
      out += std::to_string(rest / factor) + unit;
    rest %= factor;
  };
  take(3600'000, "h");
  take(60'000, "m");
  take(1000, "s");
  take(1, "ms");
  return out;
}

std::optional<int64_t> parse_bytes(std::string_view text) {
  int64_t factor = 1;
  for (const auto& unit : byte_units) {
    if (text.ends_with(unit.suffix)) {
      factor = unit.factor;
      text.remove_suffix(unit.suffix.size());
      break;
    }
  }
  auto number = parse_number<int64_t>(text);
  int64_t bytes = 0;
  if (!number || *number < 0 || __builtin_mul_overflow(*number, factor, &bytes))
    return std::nullopt;
  return bytes;
}

std::string bytes_to_string(int64_t bytes) {
  for (const auto& unit : byte_units)
    if (unit.suffix.size() == 2 && bytes != 0 && bytes % unit.factor == 0)
      return std::to_string(bytes / unit.factor) + std::string{unit.suffix};
  return std::to_string(bytes);
}

} // namespace thespis::config
