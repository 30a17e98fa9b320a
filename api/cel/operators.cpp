// Operators: arithmetic with overflow errors, comparison, indexing, membership.

#include "api/cel/functions.hpp"
#include "api/cel/times.hpp"

#include <cmath>

namespace thespis::api::cel {

namespace {

value overflow(evaluation& run) {
  return run.error("integer overflow");
}

value unsigned_overflow(evaluation& run) {
  return run.error("unsigned integer overflow");
}

enum class arithmetic { add, subtract, multiply };

template <arithmetic Op>
value on_int(evaluation& run, const value* a, size_t) {
  int64_t out = 0;
  bool over = false;
  if constexpr (Op == arithmetic::add)
    over = __builtin_add_overflow(a[0].integer, a[1].integer, &out);
  else if constexpr (Op == arithmetic::subtract)
    over = __builtin_sub_overflow(a[0].integer, a[1].integer, &out);
  else
    over = __builtin_mul_overflow(a[0].integer, a[1].integer, &out);
  return over ? overflow(run) : value::of(out);
}

template <arithmetic Op>
value on_uint(evaluation& run, const value* a, size_t) {
  uint64_t out = 0;
  bool over = false;
  if constexpr (Op == arithmetic::add)
    over = __builtin_add_overflow(a[0].natural, a[1].natural, &out);
  else if constexpr (Op == arithmetic::subtract)
    over = __builtin_sub_overflow(a[0].natural, a[1].natural, &out);
  else
    over = __builtin_mul_overflow(a[0].natural, a[1].natural, &out);
  return over ? unsigned_overflow(run) : value::of_uint(out);
}

template <arithmetic Op>
value on_double(evaluation&, const value* a, size_t) {
  if constexpr (Op == arithmetic::add)
    return value::of(a[0].real + a[1].real);
  else if constexpr (Op == arithmetic::subtract)
    return value::of(a[0].real - a[1].real);
  else
    return value::of(a[0].real * a[1].real);
}

value divide_int(evaluation& run, const value* a, size_t) {
  if (a[1].integer == 0)
    return run.error("division by zero");
  if (a[0].integer == INT64_MIN && a[1].integer == -1)
    return overflow(run);
  return value::of(a[0].integer / a[1].integer);
}

value divide_uint(evaluation& run, const value* a, size_t) {
  return a[1].natural == 0 ? run.error("division by zero")
                           : value::of_uint(a[0].natural / a[1].natural);
}

value divide_double(evaluation&, const value* a, size_t) {
  return value::of(a[0].real / a[1].real);
}

value modulo_int(evaluation& run, const value* a, size_t) {
  if (a[1].integer == 0)
    return run.error("modulus by zero");
  if (a[0].integer == INT64_MIN && a[1].integer == -1)
    return overflow(run);
  return value::of(a[0].integer % a[1].integer);
}

value modulo_uint(evaluation& run, const value* a, size_t) {
  return a[1].natural == 0 ? run.error("modulus by zero")
                           : value::of_uint(a[0].natural % a[1].natural);
}

value negate_int(evaluation& run, const value* a, size_t) {
  return a[0].integer == INT64_MIN ? overflow(run) : value::of(-a[0].integer);
}

value negate_double(evaluation&, const value* a, size_t) {
  return value::of(-a[0].real);
}

value negate_bool(evaluation&, const value* a, size_t) {
  return value::of(!a[0].boolean);
}

value add_text(evaluation& run, const value* a, size_t) {
  std::string joined;
  if (size_t{a[0].size} + a[1].size > evaluation::memory_limit)
    throw evaluation::cancelled{"operation cancelled: memory limit exceeded"};
  joined.reserve(size_t{a[0].size} + a[1].size);
  joined.append(a[0].str()).append(a[1].str());
  auto out = run.string(joined);
  out.form = a[0].form;
  return out;
}

value add_lists(evaluation& run, const value* a, size_t) {
  auto left = run.count(a[0]), right = run.count(a[1]);
  run.work(left + right);
  auto* items = run.values(left + right);
  for (size_t n = 0; n < left; ++n)
    items[n] = run.item(a[0], n);
  for (size_t n = 0; n < right; ++n)
    items[left + n] = run.item(a[1], n);
  return run.list(items, left + right);
}

value shift(evaluation& run, const value& time, int64_t by) {
  constexpr int64_t second = 1'000'000'000;
  auto nanos = static_cast<int64_t>(time.size) + by % second;
  auto seconds = time.integer + by / second;
  if (nanos < 0) {
    nanos += second;
    --seconds;
  } else if (nanos >= second) {
    nanos -= second;
    ++seconds;
  }
  if (seconds < min_timestamp || seconds > max_timestamp)
    return run.error("timestamp overflow");
  return value::of_timestamp(seconds, static_cast<uint32_t>(nanos));
}

value add_time_duration(evaluation& run, const value* a, size_t) {
  return shift(run, a[0], a[1].integer);
}

value add_duration_time(evaluation& run, const value* a, size_t) {
  return shift(run, a[1], a[0].integer);
}

value subtract_time_duration(evaluation& run, const value* a, size_t) {
  if (a[1].integer == INT64_MIN)
    return run.error("timestamp overflow");
  return shift(run, a[0], -a[1].integer);
}

value subtract_times(evaluation& run, const value* a, size_t) {
  int64_t out = 0;
  auto nanos = static_cast<int64_t>(a[0].size) - static_cast<int64_t>(a[1].size);
  if (__builtin_mul_overflow(a[0].integer - a[1].integer, int64_t{1'000'000'000}, &out) ||
      __builtin_add_overflow(out, nanos, &out))
    return run.error("duration overflow");
  return value::of_duration(out);
}

value add_durations(evaluation& run, const value* a, size_t) {
  int64_t out = 0;
  if (__builtin_add_overflow(a[0].integer, a[1].integer, &out))
    return run.error("duration overflow");
  return value::of_duration(out);
}

value subtract_durations(evaluation& run, const value* a, size_t) {
  int64_t out = 0;
  if (__builtin_sub_overflow(a[0].integer, a[1].integer, &out))
    return run.error("duration overflow");
  return value::of_duration(out);
}

value equals(evaluation& run, const value* a, size_t) {
  return value::of(equal(a[0], a[1], run));
}

value differs(evaluation& run, const value* a, size_t) {
  return value::of(!equal(a[0], a[1], run));
}

template <bool Less, bool OrEqual>
value ordered(evaluation& run, const value* a, size_t) {
  auto c = compare(a[0], a[1]);
  if (!c) {
    auto nan = [](const value& v) { return v.is(kind::double_) && std::isnan(v.real); };
    return nan(a[0]) || nan(a[1]) ? run.error("NaN values cannot be ordered") : run.no_overload();
  }
  return value::of(*c == 0 ? OrEqual : (*c < 0) == Less);
}

value in_list(evaluation& run, const value* a, size_t) {
  auto n = run.count(a[1]);
  for (size_t i = 0; i < n; ++i)
    if (equal(run.item(a[1], i), a[0], run))
      return value::of(true);
  return value::of(false);
}

value in_map(evaluation& run, const value* a, size_t) {
  return value::of(run.entry(a[1], a[0]).has_value());
}

std::string shown(const value& v) {
  switch (v.form) {
  case kind::string:
    return std::string{v.str()};
  case kind::int_:
    return std::to_string(v.integer);
  case kind::uint_:
    return std::to_string(v.natural);
  case kind::boolean:
    return v.boolean ? "true" : "false";
  case kind::double_:
    return format_double(v.real);
  default:
    return to_string(simple(v.form));
  }
}

/// A list's index: an int, or another number that is whole.
std::optional<int64_t> index_of(const value& v) {
  if (v.is(kind::int_))
    return v.integer;
  if (v.is(kind::uint_) && v.natural <= INT64_MAX)
    return static_cast<int64_t>(v.natural);
  if (v.is(kind::double_) && std::trunc(v.real) == v.real && std::abs(v.real) < 9e15)
    return static_cast<int64_t>(v.real);
  return std::nullopt;
}

value at_list(evaluation& run, const value* a, size_t) {
  auto n = index_of(a[1]);
  if (!n)
    return run.error("unsupported index type '" + to_string(simple(a[1].form)) + "' in list");
  if (*n < 0 || static_cast<uint64_t>(*n) >= run.count(a[0]))
    return run.error("index out of bounds: " + std::to_string(*n));
  return run.item(a[0], static_cast<size_t>(*n));
}

value at_map(evaluation& run, const value* a, size_t) {
  auto found = run.entry(a[0], a[1]);
  return found ? *found : run.error("no such key: " + shown(a[1]));
}

/// Of an optional or a plain container; absent stays absent.
value maybe_at(evaluation& run, const value* a, size_t) {
  auto container = a[0];
  if (container.is(kind::optional)) {
    if (!container.maybe->present)
      return run.none();
    container = container.maybe->held;
  }
  if (container.is(kind::list)) {
    auto n = index_of(a[1]);
    if (!n || *n < 0 || static_cast<uint64_t>(*n) >= run.count(container))
      return run.none();
    return run.some(run.item(container, static_cast<size_t>(*n)));
  }
  if (!container.is(kind::map))
    return run.no_overload();
  auto found = run.entry(container, a[1]);
  if (found && found->is_error())
    return *found;
  return found ? run.some(*found) : run.none();
}

#define THESPIS_CEL_COMPARE(NAME, CALL)                                                            \
  {NAME, "(bool, bool) -> bool", CALL}, {NAME, "(int, int) -> bool", CALL},                        \
      {NAME, "(int, double) -> bool", CALL}, {NAME, "(int, uint) -> bool", CALL},                  \
      {NAME, "(uint, uint) -> bool", CALL}, {NAME, "(uint, double) -> bool", CALL},                \
      {NAME, "(uint, int) -> bool", CALL}, {NAME, "(double, double) -> bool", CALL},               \
      {NAME, "(double, int) -> bool", CALL}, {NAME, "(double, uint) -> bool", CALL},               \
      {NAME, "(string, string) -> bool", CALL, price::smaller},                                    \
      {NAME, "(bytes, bytes) -> bool", CALL, price::smaller},                                      \
      {NAME, "(timestamp, timestamp) -> bool", CALL}, {                                            \
    NAME, "(duration, duration) -> bool", CALL                                                     \
  }

constexpr declaration table[] = {
    {"_&&_", "(bool, bool) -> bool", nullptr, price::none},
    {"_||_", "(bool, bool) -> bool", nullptr, price::none},
    {"_?_:_", "(bool, A, A) -> A", nullptr, price::conditional},
    {"!_", "(bool) -> bool", negate_bool},
    {"-_", "(int) -> int", negate_int},
    {"-_", "(double) -> double", negate_double},
    {"_+_", "(int, int) -> int", on_int<arithmetic::add>},
    {"_+_", "(uint, uint) -> uint", on_uint<arithmetic::add>},
    {"_+_", "(double, double) -> double", on_double<arithmetic::add>},
    {"_+_", "(string, string) -> string", add_text, price::concatenate},
    {"_+_", "(bytes, bytes) -> bytes", add_text, price::concatenate},
    {"_+_", "(list(A), list(A)) -> list(A)", add_lists, price::append_lists},
    {"_+_", "(timestamp, duration) -> timestamp", add_time_duration},
    {"_+_", "(duration, timestamp) -> timestamp", add_duration_time},
    {"_+_", "(duration, duration) -> duration", add_durations},
    {"_-_", "(int, int) -> int", on_int<arithmetic::subtract>},
    {"_-_", "(uint, uint) -> uint", on_uint<arithmetic::subtract>},
    {"_-_", "(double, double) -> double", on_double<arithmetic::subtract>},
    {"_-_", "(timestamp, timestamp) -> duration", subtract_times},
    {"_-_", "(timestamp, duration) -> timestamp", subtract_time_duration},
    {"_-_", "(duration, duration) -> duration", subtract_durations},
    {"_*_", "(int, int) -> int", on_int<arithmetic::multiply>},
    {"_*_", "(uint, uint) -> uint", on_uint<arithmetic::multiply>},
    {"_*_", "(double, double) -> double", on_double<arithmetic::multiply>},
    {"_/_", "(int, int) -> int", divide_int},
    {"_/_", "(uint, uint) -> uint", divide_uint},
    {"_/_", "(double, double) -> double", divide_double},
    {"_%_", "(int, int) -> int", modulo_int},
    {"_%_", "(uint, uint) -> uint", modulo_uint},
    {"_==_", "(A, A) -> bool", equals, price::smaller},
    {"_!=_", "(A, A) -> bool", differs, price::smaller},
    THESPIS_CEL_COMPARE("_<_", (ordered<true, false>)),
    THESPIS_CEL_COMPARE("_<=_", (ordered<true, true>)),
    THESPIS_CEL_COMPARE("_>_", (ordered<false, false>)),
    THESPIS_CEL_COMPARE("_>=_", (ordered<false, true>)),
    {"@in", "(A, list(A)) -> bool", in_list, price::search_list},
    {"@in", "(A, map(A, B)) -> bool", in_map},
    {"_[_]", "(list(A), int) -> A", at_list, price::index},
    {"_[_]", "(map(A, B), A) -> B", at_map, price::index},
    {"_[_]", "(optional(list(A)), int) -> optional(A)", maybe_at, price::index},
    {"_[_]", "(optional(map(A, B)), A) -> optional(B)", maybe_at, price::index},
    {"_[?_]", "(list(A), int) -> optional(A)", maybe_at, price::index},
    {"_[?_]", "(map(A, B), A) -> optional(B)", maybe_at, price::index},
    {"_[?_]", "(optional(list(A)), int) -> optional(A)", maybe_at, price::index},
    {"_[?_]", "(optional(map(A, B)), A) -> optional(B)", maybe_at, price::index},
    {"_?._", "(dyn, string) -> optional(dyn)", maybe_at, price::index},
};

#undef THESPIS_CEL_COMPARE

} // namespace

library operators() {
  return table;
}

} // namespace thespis::api::cel
