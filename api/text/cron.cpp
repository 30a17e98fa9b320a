#include "api/text/cron.hpp"

#include <date/tz.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <stdexcept>
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

/// "*", "5", "1-5", "*/10", "3/15": adds their values. The error otherwise.
std::string read_range_expr(std::string_view expr, const bounds& b, uint64_t& set) {
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
  if (step == 0)
    return "step of range should be a positive number" + shown();
  for (auto v = low; v <= high; v += step)
    set |= uint64_t{1} << v;
  return {};
}

/// The five fields that a descriptor stands for; empty for one that stands for none.
std::string_view fields_of(std::string_view descriptor) {
  if (descriptor == "@yearly" || descriptor == "@annually")
    return "0 0 1 1 *";
  if (descriptor == "@monthly")
    return "0 0 1 * *";
  if (descriptor == "@weekly")
    return "0 0 * * 0";
  if (descriptor == "@daily" || descriptor == "@midnight")
    return "0 0 * * *";
  return descriptor == "@hourly" ? "0 * * * *" : "";
}

constexpr std::string_view every = "@every ";

std::string read_every(std::string_view schedule, std::chrono::seconds& out) {
  const auto text = schedule.substr(every.size());
  const auto duration = parse_duration(text);
  if (!duration)
    return "failed to parse duration " + std::string(schedule) + ": time: invalid duration \"" +
           std::string(text) + "\"";
  out = std::max(std::chrono::seconds{1}, std::chrono::floor<std::chrono::seconds>(*duration));
  return {};
}

/// The zone of that name; nullptr when the database has none.
const date::time_zone* find_zone(const std::string& name) {
  try {
    return date::locate_zone(name.empty() ? "UTC" : name);
  } catch (const std::runtime_error&) {
    return nullptr;
  }
}

} // namespace

std::optional<cron_schedule> cron_schedule::parse(std::string_view text, std::string& why) {
  cron_schedule res;
  why.clear();
  if (text.starts_with(every)) {
    why = read_every(text, res.every_);
    return why.empty() ? std::optional{res} : std::nullopt;
  }
  if (text.empty())
    why = "empty spec string";
  else if (text[0] == '@' && fields_of(text).empty())
    why = "unrecognized descriptor: " + std::string(text);
  if (!why.empty())
    return std::nullopt;
  const auto parts = words(text[0] == '@' ? fields_of(text) : text);
  if (parts.size() != fields.size()) {
    std::string shown;
    for (auto p : parts)
      shown += (shown.empty() ? "" : " ") + std::string(p);
    why = "expected exactly 5 fields, found " + std::to_string(parts.size()) + ": [" + shown + "]";
    return std::nullopt;
  }
  for (size_t i = 0; i < fields.size(); ++i)
    for (auto expr : split(parts[i], ',')) {
      if (expr.empty())
        continue;
      // A plain star leaves the choice of the day to the other field.
      res.anything_[i] |= expr == "*" || expr == "?" || expr == "*/1" || expr == "?/1";
      why = read_range_expr(expr, fields[i], res.sets_[i]);
      if (!why.empty())
        return std::nullopt;
    }
  return res;
}

std::string check_cron(std::string_view schedule) {
  std::string why;
  cron_schedule::parse(schedule, why);
  return why;
}

bool cron_schedule::has_day(unsigned day_of_month, unsigned day_of_week) const {
  const bool of_month = has(2, day_of_month), of_week = has(4, day_of_week);
  return anything_[2] || anything_[4] ? of_month && of_week : of_month || of_week;
}

std::optional<time_point> cron_schedule::next(time_point t, const std::string& zone) const {
  using namespace std::chrono;
  if (every_.count() > 0)
    return floor<seconds>(t) + every_;
  const auto* tz = find_zone(zone);
  if (!tz)
    return std::nullopt;
  const auto local = [&](time_point x) { return tz->to_local(floor<seconds>(x)); };
  const auto global = [&](auto x) {
    return time_point{tz->to_sys(floor<seconds>(x), date::choose::earliest)};
  };
  auto at = floor<minutes>(t) + minutes{1};
  time_point now{at};
  const auto end = t + days{5 * 366};
  while (now < end) {
    const auto here = local(now);
    const auto day = date::floor<date::days>(here);
    const date::year_month_day ymd{day};
    const auto clock = here - day;
    time_point later;
    if (!has(3, unsigned{ymd.month()}))
      later = global(date::local_days{(ymd.year() / ymd.month() + date::months{1}) / 1});
    else if (!has_day(unsigned{ymd.day()}, date::weekday{day}.c_encoding()))
      later = global(day + date::days{1});
    else if (!has(1, static_cast<unsigned>(floor<hours>(clock).count())))
      later = now + hours{1} - (clock - floor<hours>(clock));
    else if (!has(0, static_cast<unsigned>(floor<minutes>(clock).count() % 60)))
      later = now + minutes{1};
    else
      return now;
    // Where the clock is put back, a local time may come before `now`.
    now = later > now ? later : now + minutes{1};
  }
  return std::nullopt;
}

} // namespace thespis::api
