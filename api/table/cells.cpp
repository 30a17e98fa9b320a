#include "api/table/cells.hpp"

#include <algorithm>
#include <charconv>

namespace thespis::api::table {

namespace {

/// Reads `digits` decimal digits at the front of `s`.
bool take_number(std::string_view& s, size_t digits, int& out) {
  if (s.size() < digits)
    return false;
  auto [end, ec] = std::from_chars(s.data(), s.data() + digits, out);
  if (ec != std::errc{} || end != s.data() + digits || out < 0)
    return false;
  s.remove_prefix(digits);
  return true;
}

bool take_char(std::string_view& s, char c) {
  if (s.empty() || (s.front() | 0x20) != (c | 0x20))
    return false;
  s.remove_prefix(1);
  return true;
}

/// The fraction of a second and the zone.
bool take_tail(std::string_view s, int64_t& nanos, int64_t& offset_seconds) {
  nanos = 0;
  offset_seconds = 0;
  if (!s.empty() && s.front() == '.') {
    s.remove_prefix(1);
    int64_t unit = 100'000'000;
    while (!s.empty() && s.front() >= '0' && s.front() <= '9') {
      nanos += (s.front() - '0') * unit;
      unit /= 10;
      s.remove_prefix(1);
    }
  }
  if (s == "Z" || s == "z")
    return true;
  int hours = 0;
  int minutes = 0;
  if (s.size() != 6 || (s.front() != '+' && s.front() != '-'))
    return false;
  int sign = s.front() == '+' ? 1 : -1;
  s.remove_prefix(1);
  if (!take_number(s, 2, hours) || !take_char(s, ':') || !take_number(s, 2, minutes))
    return false;
  offset_seconds = sign * (hours * 3600 + minutes * 60);
  return true;
}

std::string two_units(int64_t big, char big_unit, int64_t small, char small_unit) {
  auto out = std::to_string(big) + big_unit;
  if (small != 0)
    out += std::to_string(small) + small_unit;
  return out;
}

std::string requirement(const json::value& expression) {
  std::string key(json::get_string(expression, "key"));
  auto op = json::get_string(expression, "operator");
  if (op == "Exists")
    return key;
  if (op == "DoesNotExist")
    return "!" + key;
  std::vector<std::string> values;
  for (const auto* v : items_at(expression, {"values"}))
    values.emplace_back(json::as_string(*v));
  std::sort(values.begin(), values.end());
  return key + (op == "In" ? " in (" : " notin (") + join(values, "") + ")";
}

std::string container_column(const json::value& object, std::string_view field) {
  std::vector<std::string> values;
  for (const auto* c : items_at(object, {"spec", "template", "spec", "containers"}))
    values.emplace_back(json::get_string(*c, field));
  return join(values, "");
}

} // namespace

std::optional<timestamp> read_time(std::string_view s) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take_number(s, 4, year) || !take_char(s, '-') || !take_number(s, 2, month) ||
      !take_char(s, '-') || !take_number(s, 2, day) || !take_char(s, 'T') ||
      !take_number(s, 2, hour) || !take_char(s, ':') || !take_number(s, 2, minute) ||
      !take_char(s, ':') || !take_number(s, 2, second))
    return std::nullopt;
  int64_t nanos = 0;
  int64_t offset = 0;
  std::chrono::year_month_day date{std::chrono::year{year},
                                   std::chrono::month{static_cast<unsigned>(month)},
                                   std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60 || !take_tail(s, nanos, offset))
    return std::nullopt;
  return timestamp{std::chrono::sys_days{date}} + std::chrono::hours{hour} +
         std::chrono::minutes{minute} + std::chrono::seconds{second - offset} +
         std::chrono::nanoseconds{nanos};
}

std::string human_duration(std::chrono::nanoseconds d) {
  int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(d).count();
  if (seconds < -1)
    return "<invalid>";
  if (seconds < 0)
    return "0s";
  if (seconds < 60 * 2)
    return std::to_string(seconds) + "s";
  int64_t minutes = seconds / 60;
  if (minutes < 10)
    return two_units(minutes, 'm', seconds % 60, 's');
  if (minutes < 60 * 3)
    return std::to_string(minutes) + "m";
  int64_t hours = minutes / 60;
  if (hours < 8)
    return two_units(hours, 'h', minutes % 60, 'm');
  if (hours < 48)
    return std::to_string(hours) + "h";
  if (hours < 24 * 8)
    return two_units(hours / 24, 'd', hours % 24, 'h');
  if (hours < 24 * 365 * 2)
    return std::to_string(hours / 24) + "d";
  if (hours < 24 * 365 * 8)
    return two_units(hours / 24 / 365, 'y', hours / 24 % 365, 'd');
  return std::to_string(hours / 24 / 365) + "y";
}

std::string age_of(std::string_view time, timestamp now) {
  auto t = read_time(time);
  return t ? human_duration(now - *t) : "<unknown>";
}

std::string object_age(const json::value& object, timestamp now) {
  const auto* t = json::at(object, {"metadata", "creationTimestamp"});
  return age_of(t ? json::as_string(*t) : std::string_view{}, now);
}

std::string object_name(const json::value& object) {
  return text_at(object, {"metadata", "name"});
}

std::string text_at(const json::value& object, std::initializer_list<std::string_view> path,
                    std::string_view fallback) {
  const auto* v = json::at(object, path);
  auto text = v ? json::as_string(*v) : std::string_view{};
  return std::string(text.empty() ? fallback : text);
}

int64_t int_at(const json::value& object, std::initializer_list<std::string_view> path,
               int64_t fallback) {
  const auto* v = json::at(object, path);
  return v && v->IsInt64() ? v->GetInt64() : fallback;
}

int64_t count_at(const json::value& object, std::initializer_list<std::string_view> path) {
  const auto* v = json::at(object, path);
  if (v && v->IsArray())
    return v->Size();
  return v && v->IsObject() ? v->MemberCount() : 0;
}

std::vector<const json::value*> items_at(const json::value& object,
                                         std::initializer_list<std::string_view> path) {
  std::vector<const json::value*> items;
  const auto* v = json::at(object, path);
  if (v && v->IsArray())
    for (const auto& item : v->GetArray())
      items.push_back(&item);
  return items;
}

std::string join(const std::vector<std::string>& parts, std::string_view none) {
  if (parts.empty())
    return std::string(none);
  std::string out;
  for (const auto& p : parts)
    out += (out.empty() ? "" : ",") + p;
  return out;
}

std::string join_some(const std::vector<std::string>& parts, std::string_view none) {
  constexpr size_t shown = 3;
  if (parts.size() <= shown)
    return join(parts, none);
  return join({parts.begin(), parts.begin() + shown}) + " + " +
         std::to_string(parts.size() - shown) + " more...";
}

std::string format_labels(const json::value* labels) {
  std::vector<std::string> terms;
  if (labels && labels->IsObject())
    for (const auto& m : labels->GetObject())
      terms.push_back(std::string(json::as_string(m.name)) + "=" +
                      std::string(json::as_string(m.value)));
  std::sort(terms.begin(), terms.end());
  return join(terms);
}

std::string format_label_selector(const json::value* selector) {
  std::vector<std::pair<std::string, std::string>> terms; // by key
  if (selector) {
    if (const auto* labels = json::find(*selector, "matchLabels"); labels && labels->IsObject())
      for (const auto& m : labels->GetObject())
        terms.emplace_back(json::as_string(m.name), std::string(json::as_string(m.name)) + "=" +
                                                        std::string(json::as_string(m.value)));
    for (const auto* e : items_at(*selector, {"matchExpressions"}))
      terms.emplace_back(json::get_string(*e, "key"), requirement(*e));
  }
  std::sort(terms.begin(), terms.end());
  std::vector<std::string> texts;
  for (auto& t : terms)
    texts.push_back(std::move(t.second));
  return join(texts);
}

std::string container_names(const json::value& object) {
  return container_column(object, "name");
}

std::string container_images(const json::value& object) {
  return container_column(object, "image");
}

} // namespace thespis::api::table
