// The math extension.

#include "api/cel/functions.hpp"

#include <cmath>

namespace thespis::api::cel {

namespace {

template <int Sign>
value extreme(evaluation& run, const value* a, size_t) {
  if (!a[0].is(kind::list))
    return a[0];
  auto n = run.count(a[0]);
  if (n == 0)
    return run.error("math.@" + std::string{Sign < 0 ? "min" : "max"} +
                     "(list) argument must not be empty");
  auto best = run.item(a[0], 0);
  for (size_t i = 0; i < n; ++i) {
    auto next = run.item(a[0], i);
    auto c = compare(next, best);
    if (!c || next.is(kind::string) || next.is(kind::boolean))
      return run.no_overload();
    if (*c == Sign)
      best = next;
  }
  return best;
}

template <double (*Apply)(double)>
value apply(evaluation&, const value* a, size_t) {
  return value::of(Apply(a[0].real));
}

double up(double d) {
  return std::ceil(d);
}
double down(double d) {
  return std::floor(d);
}
double nearest(double d) {
  return std::round(d);
}
double toward_zero(double d) {
  return std::trunc(d);
}
double root(double d) {
  return std::sqrt(d);
}
double magnitude(double d) {
  return std::fabs(d);
}
double direction(double d) {
  return std::isnan(d) || d == 0 ? d : d < 0 ? -1 : 1;
}

value absolute(evaluation& run, const value* a, size_t) {
  if (a[0].integer == INT64_MIN)
    return run.error("integer overflow");
  return value::of(std::abs(a[0].integer));
}

value same_value(evaluation&, const value* a, size_t) {
  return a[0];
}

value sign_of_int(evaluation&, const value* a, size_t) {
  return value::of(int64_t{a[0].integer < 0 ? -1 : a[0].integer > 0});
}

value sign_of_uint(evaluation&, const value* a, size_t) {
  return value::of_uint(a[0].natural != 0);
}

value is_nan(evaluation&, const value* a, size_t) {
  return value::of(std::isnan(a[0].real));
}

value is_infinite(evaluation&, const value* a, size_t) {
  return value::of(std::isinf(a[0].real));
}

value is_finite(evaluation&, const value* a, size_t) {
  return value::of(std::isfinite(a[0].real));
}

value bit_and(evaluation&, const value* a, size_t) {
  return value::of(a[0].integer & a[1].integer);
}

value bit_or(evaluation&, const value* a, size_t) {
  return value::of(a[0].integer | a[1].integer);
}

value bit_xor(evaluation&, const value* a, size_t) {
  return value::of(a[0].integer ^ a[1].integer);
}

value bit_not(evaluation&, const value* a, size_t) {
  return value::of(~a[0].integer);
}

value shift_left(evaluation& run, const value* a, size_t) {
  if (a[1].integer < 0)
    return run.error("math.bitShiftLeft() negative offset: " + std::to_string(a[1].integer));
  auto bits = static_cast<uint64_t>(a[0].integer);
  return value::of(a[1].integer > 63 ? int64_t{0} : static_cast<int64_t>(bits << a[1].integer));
}

value shift_right(evaluation& run, const value* a, size_t) {
  if (a[1].integer < 0)
    return run.error("math.bitShiftRight() negative offset: " + std::to_string(a[1].integer));
  auto bits = static_cast<uint64_t>(a[0].integer);
  return value::of(a[1].integer > 63 ? int64_t{0} : static_cast<int64_t>(bits >> a[1].integer));
}

constexpr declaration table[] = {
    {"math.greatest", "(int) -> int", extreme<1>},
    {"math.greatest", "(uint) -> uint", extreme<1>},
    {"math.greatest", "(double) -> double", extreme<1>},
    {"math.greatest", "(list(N)) -> N", extreme<1>, price::walk},
    {"math.least", "(int) -> int", extreme<-1>},
    {"math.least", "(uint) -> uint", extreme<-1>},
    {"math.least", "(double) -> double", extreme<-1>},
    {"math.least", "(list(N)) -> N", extreme<-1>, price::walk},
    {"math.ceil", "(double) -> double", apply<up>},
    {"math.floor", "(double) -> double", apply<down>},
    {"math.round", "(double) -> double", apply<nearest>},
    {"math.trunc", "(double) -> double", apply<toward_zero>},
    {"math.sqrt", "(double) -> double", apply<root>},
    {"math.abs", "(double) -> double", apply<magnitude>},
    {"math.abs", "(int) -> int", absolute},
    {"math.abs", "(uint) -> uint", same_value},
    {"math.sign", "(double) -> double", apply<direction>},
    {"math.sign", "(int) -> int", sign_of_int},
    {"math.sign", "(uint) -> uint", sign_of_uint},
    {"math.isNaN", "(double) -> bool", is_nan},
    {"math.isInf", "(double) -> bool", is_infinite},
    {"math.isFinite", "(double) -> bool", is_finite},
    {"math.bitAnd", "(int, int) -> int", bit_and},
    {"math.bitOr", "(int, int) -> int", bit_or},
    {"math.bitXor", "(int, int) -> int", bit_xor},
    {"math.bitNot", "(int) -> int", bit_not},
    {"math.bitShiftLeft", "(int, int) -> int", shift_left},
    {"math.bitShiftRight", "(int, int) -> int", shift_right},
};

} // namespace

library mathematics() {
  return table;
}

} // namespace thespis::api::cel
