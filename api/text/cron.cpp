#include "api/text/cron.hpp"

#include "api/text/time.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

namespace thespis::api {

namespace {

/// What one of the five fields may hold.
struct bounds {
  unsigned min, max;
  std::string_view names; ///< of three letters each, from `min` on
};

constexpr std::array<bounds, 5> fields{{{0, 59, ""},
                                        {0, 23, ""},
                                        {1, 31, ""},
                                        {1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
                                        {0, 6, "sunmontuewedthufrisat"}}};

std::vector<std::string_view> split(std::string_view text, char sep) {
  std::vector<std::string_view> out;
  for (size_t at = 0;;) {
    const auto next = text.find(sep, at);
    out.push_back(text.substr(at, next - at));
    if (next == text.npos)
      return out;
    at = next + 1;
  }
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  for (auto w : split(text, ' '))
    if (!w.empty())
      out.push_back(w);
  return out;
}

std::string lower(std::string_view s) {
  std::string out(s);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

/// A name or a number; the error otherwise.
std::string read_value(std::string_view text, const bounds& b, unsigned& out) {
  if (text.size() == 3)
    if (const auto at = b.names.find(lower(text)); at != b.names.npos && at % 3 == 0) {
      out = b.min + static_cast<unsigned>(at / 3);
      return {};
    }
  const auto r = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || r.ec != std::errc{} || r.ptr != text.data() + text.size())
    return "failed to parse int from " + std::string(text) + ": strconv.Atoi: parsing \"" +
           std::string(text) + "\": invalid syntax";
  return {};
}

/// "low-high": "*", one value, or a range of them.
std::string read_span(std::string_view span, std::string_view expr, const bounds& b, unsigned& low,
                      unsigned& high, bool& single) {
  if (span == "*" || span == "?") {
    low = b.min;
    high = b.max;
    return {};
  }
  const auto ends = split(span, '-');
  if (ends.size() > 2)
    return "too many hyphens: " + std::string(expr);
  single = ends.size() == 1;
  if (auto e = read_value(ends[0], b, low); !e.empty())
    return e;
  high = low;
  return single ? std::string{} : read_value(ends[1], b, high);
}

/// "*", "5", "1-5", "*/10", "3/15".
std::string check_range_expr(std::string_view expr, const bounds& b) {
  const auto parts = split(expr, '/');
  if (parts.size() > 2)
    return "too many slashes: " + std::string(expr);
  unsigned low = 0, high = 0, step = 1;
  bool single = false;
  if (auto e = read_span(parts[0], expr, b, low, high, single); !e.empty())
    return e;
  if (parts.size() == 2) {
    if (auto e = read_value(parts[1], {0, 0, ""}, step); !e.empty())
      return e;
    if (single)
      high = b.max;
  }
  const auto shown = [&] { return ": " + std::string(expr); };
  if (low < b.min)
    return "beginning of range (" + std::to_string(low) + ") below minimum (" +
           std::to_string(b.min) + ")" + shown();
  if (high > b.max)
    return "end of range (" + std::to_string(high) + ") above maximum (" + std::to_string(b.max) +
           ")" + shown();
  if (low > high)
    return "beginning of range (" + std::to_string(low) + ") beyond end of range (" +
           std::to_string(high) + ")" + shown();
  return step == 0 ? "step of range should be a positive number" + shown() : std::string{};
}

std::string check_descriptor(std::string_view schedule) {
  constexpr std::array<std::string_view, 7> known{"@yearly", "@annually", "@monthly", "@weekly",
                                                  "@daily",  "@midnight", "@hourly"};
  constexpr std::string_view every = "@every ";
  if (std::find(known.begin(), known.end(), schedule) != known.end())
    return {};
  if (!schedule.starts_with(every))
    return "unrecognized descriptor: " + std::string(schedule);
  const auto duration = schedule.substr(every.size());
  return parse_duration(duration)
             ? std::string{}
             : "failed to parse duration " + std::string(schedule) + ": time: invalid duration \"" +
                   std::string(duration) + "\"";
}

} // namespace

std::string check_cron(std::string_view schedule) {
  if (schedule.empty())
    return "empty spec string";
  if (schedule[0] == '@')
    return check_descriptor(schedule);
  const auto parts = words(schedule);
  if (parts.size() != fields.size()) {
    std::string shown;
    for (auto p : parts)
      shown += (shown.empty() ? "" : " ") + std::string(p);
    return "expected exactly 5 fields, found " + std::to_string(parts.size()) + ": [" + shown + "]";
  }
  for (size_t i = 0; i < fields.size(); ++i)
    for (auto expr : split(parts[i], ','))
      if (!expr.empty())
        if (auto e = check_range_expr(expr, fields[i]); !e.empty())
          return e;
  return {};
}

} // namespace thespis::api
