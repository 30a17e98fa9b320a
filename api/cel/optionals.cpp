// Optional values.

#include "api/cel/functions.hpp"

namespace thespis::api::cel {

namespace {

value some(evaluation& run, const value* a, size_t) {
  return run.some(a[0]);
}

value none(evaluation& run, const value*, size_t) {
  return run.none();
}

bool is_zero(const value& v, evaluation& run) {
  switch (v.form) {
  case kind::null_:
    return true;
  case kind::boolean:
    return !v.boolean;
  case kind::int_:
  case kind::uint_:
  case kind::duration:
    return v.integer == 0;
  case kind::double_:
    return v.real == 0;
  case kind::string:
  case kind::bytes:
    return v.size == 0;
  case kind::list:
    return run.count(v) == 0;
  case kind::map:
    return v.held != backing::lazy && run.count(v) == 0;
  default:
    return false;
  }
}

value of_non_zero(evaluation& run, const value* a, size_t) {
  return is_zero(a[0], run) ? run.none() : run.some(a[0]);
}

value has_value(evaluation&, const value* a, size_t) {
  return value::of(a[0].maybe->present);
}

value get(evaluation& run, const value* a, size_t) {
  return a[0].maybe->present ? a[0].maybe->held : run.error("optional.none() dereference");
}

value or_else(evaluation&, const value* a, size_t) {
  return a[0].maybe->present ? a[0] : a[1];
}

value or_value(evaluation&, const value* a, size_t) {
  return a[0].maybe->present ? a[0].maybe->held : a[1];
}

constexpr declaration table[] = {
    {"optional.of", "(A) -> optional(A)", some},
    {"optional.none", "() -> optional(A)", none},
    {"optional.ofNonZeroValue", "(A) -> optional(A)", of_non_zero},
    {"hasValue", "optional(A).() -> bool", has_value},
    {"value", "optional(A).() -> A", get},
    {"or", "optional(A).(optional(A)) -> optional(A)", or_else},
    {"orValue", "optional(A).(A) -> A", or_value},
};

} // namespace

library optionals() {
  return table;
}

} // namespace thespis::api::cel
