// The calendar fields of timestamps and the parts of durations.

#include "api/cel/functions.hpp"
#include "api/cel/times.hpp"

namespace thespis::api::cel {

namespace {

int64_t year(const calendar& c) {
  return c.year;
}
int64_t month(const calendar& c) {
  return c.month;
}
int64_t date(const calendar& c) {
  return c.day;
}
int64_t day_of_month(const calendar& c) {
  return c.day - 1;
}
int64_t day_of_week(const calendar& c) {
  return c.weekday;
}
int64_t day_of_year(const calendar& c) {
  return c.day_of_year;
}
int64_t hours(const calendar& c) {
  return c.hour;
}
int64_t minutes(const calendar& c) {
  return c.minute;
}
int64_t seconds(const calendar& c) {
  return c.second;
}

template <int64_t (*Part)(const calendar&)>
value part(evaluation& run, const value* a, size_t count) {
  auto zone = count > 1 ? a[1].str() : std::string_view{};
  auto c = in_zone({a[0].integer, a[0].size}, zone);
  if (!c)
    return run.error("unknown time zone " + std::string{zone});
  return value::of(Part(*c));
}

value milliseconds(evaluation& run, const value* a, size_t count) {
  auto checked = part<seconds>(run, a, count);
  return checked.is_error() ? checked : value::of(static_cast<int64_t>(a[0].size / 1'000'000));
}

template <int64_t Unit, int64_t Modulus>
value duration_part(evaluation&, const value* a, size_t) {
  return value::of(a[0].integer / Unit % Modulus);
}

constexpr int64_t no_modulus = INT64_MAX;
constexpr int64_t second = 1'000'000'000;

constexpr declaration table[] = {
    {"getFullYear", "timestamp.() -> int", part<year>},
    {"getFullYear", "timestamp.(string) -> int", part<year>},
    {"getMonth", "timestamp.() -> int", part<month>},
    {"getMonth", "timestamp.(string) -> int", part<month>},
    {"getDate", "timestamp.() -> int", part<date>},
    {"getDate", "timestamp.(string) -> int", part<date>},
    {"getDayOfMonth", "timestamp.() -> int", part<day_of_month>},
    {"getDayOfMonth", "timestamp.(string) -> int", part<day_of_month>},
    {"getDayOfWeek", "timestamp.() -> int", part<day_of_week>},
    {"getDayOfWeek", "timestamp.(string) -> int", part<day_of_week>},
    {"getDayOfYear", "timestamp.() -> int", part<day_of_year>},
    {"getDayOfYear", "timestamp.(string) -> int", part<day_of_year>},
    {"getHours", "timestamp.() -> int", part<hours>},
    {"getHours", "timestamp.(string) -> int", part<hours>},
    {"getHours", "duration.() -> int", duration_part<3600 * second, no_modulus>},
    {"getMinutes", "timestamp.() -> int", part<minutes>},
    {"getMinutes", "timestamp.(string) -> int", part<minutes>},
    {"getMinutes", "duration.() -> int", duration_part<60 * second, no_modulus>},
    {"getSeconds", "timestamp.() -> int", part<seconds>},
    {"getSeconds", "timestamp.(string) -> int", part<seconds>},
    {"getSeconds", "duration.() -> int", duration_part<second, no_modulus>},
    {"getMilliseconds", "timestamp.() -> int", milliseconds},
    {"getMilliseconds", "timestamp.(string) -> int", milliseconds},
    {"getMilliseconds", "duration.() -> int", duration_part<1'000'000, 1000>},
};

} // namespace

library times() {
  return table;
}

} // namespace thespis::api::cel
