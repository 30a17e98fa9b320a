// Kubernetes' resource quantities.

#include "api/cel/functions.hpp"

namespace thespis::api::cel {

namespace {

value make_quantity(evaluation& run, const value* a, size_t) {
  auto q = parse_quantity(a[0].str());
  return q ? run.amount(*q) : run.error(q.error().message);
}

value is_quantity(evaluation&, const value* a, size_t) {
  return value::of(parse_quantity(a[0].str()).has_value());
}

/// Whether the amount is whole and fits 64 bits.
bool is_whole(const quantity& q) {
  return quantity::of(q.value()) == q && q.value() != INT64_MAX && q.value() != INT64_MIN;
}

value is_integer(evaluation&, const value* a, size_t) {
  return value::of(is_whole(*a[0].amount));
}

value as_integer(evaluation& run, const value* a, size_t) {
  return is_whole(*a[0].amount) ? value::of(a[0].amount->value())
                                : run.error("cannot convert value to integer");
}

value as_float(evaluation&, const value* a, size_t) {
  return value::of(a[0].amount->as_double());
}

value sign(evaluation&, const value* a, size_t) {
  return value::of(int64_t{a[0].amount->sign()});
}

value is_greater(evaluation&, const value* a, size_t) {
  return value::of(*a[0].amount > *a[1].amount);
}

value is_less(evaluation&, const value* a, size_t) {
  return value::of(*a[0].amount < *a[1].amount);
}

value compare_to(evaluation&, const value* a, size_t) {
  return value::of(int64_t{*a[0].amount < *a[1].amount ? -1 : *a[0].amount > *a[1].amount});
}

value add(evaluation& run, const value* a, size_t) {
  return run.amount(*a[0].amount + *a[1].amount);
}

value add_int(evaluation& run, const value* a, size_t) {
  return run.amount(*a[0].amount + quantity::of(a[1].integer));
}

value subtract(evaluation& run, const value* a, size_t) {
  return run.amount(*a[0].amount - *a[1].amount);
}

value subtract_int(evaluation& run, const value* a, size_t) {
  return run.amount(*a[0].amount - quantity::of(a[1].integer));
}

constexpr declaration table[] = {
    {"quantity", "(string) -> Quantity", make_quantity, price::traverse},
    {"isQuantity", "(string) -> bool", is_quantity, price::traverse},
    {"isInteger", "Quantity.() -> bool", is_integer},
    {"asInteger", "Quantity.() -> int", as_integer},
    {"asApproximateFloat", "Quantity.() -> double", as_float},
    {"sign", "Quantity.() -> int", sign},
    {"isGreaterThan", "Quantity.(Quantity) -> bool", is_greater},
    {"isLessThan", "Quantity.(Quantity) -> bool", is_less},
    {"compareTo", "Quantity.(Quantity) -> int", compare_to},
    {"add", "Quantity.(Quantity) -> Quantity", add},
    {"add", "Quantity.(int) -> Quantity", add_int},
    {"sub", "Quantity.(Quantity) -> Quantity", subtract},
    {"sub", "Quantity.(int) -> Quantity", subtract_int},
};

} // namespace

library quantities() {
  return table;
}

} // namespace thespis::api::cel
