// Kubernetes' list functions, and those of the lists and sets extensions.

#include "api/cel/functions.hpp"

#include <algorithm>

namespace thespis::api::cel {

namespace {

value is_sorted(evaluation& run, const value* a, size_t) {
  auto n = run.count(a[0]);
  for (size_t i = 1; i < n; ++i) {
    auto c = compare(run.item(a[0], i - 1), run.item(a[0], i));
    if (!c)
      return run.no_overload();
    if (*c > 0)
      return value::of(false);
  }
  return value::of(true);
}

value sum(evaluation& run, const value* a, size_t) {
  auto n = run.count(a[0]);
  if (n == 0)
    return value::of(int64_t{0});
  auto total = run.item(a[0], 0);
  for (size_t i = 1; i < n; ++i) {
    value pair[] = {total, run.item(a[0], i)};
    auto done = false;
    for (const auto& o : find_function("_+_"))
      if (o.accepts(pair, 2) && !pair[0].is(kind::string) && !pair[0].is(kind::list)) {
        total = o.call(run, pair, 2);
        done = true;
        break;
      }
    if (!done)
      return run.no_overload();
    if (total.is_error())
      return total;
  }
  return total;
}

template <int Sign>
value extreme(evaluation& run, const value* a, size_t) {
  auto n = run.count(a[0]);
  if (n == 0)
    return run.error(std::string{Sign < 0 ? "min" : "max"} + " called on empty list");
  auto best = run.item(a[0], 0);
  for (size_t i = 1; i < n; ++i) {
    auto next = run.item(a[0], i);
    auto c = compare(next, best);
    if (!c)
      return run.no_overload();
    if (*c == Sign)
      best = next;
  }
  return best;
}

value index_of(evaluation& run, const value* a, size_t) {
  for (size_t i = 0; i < run.count(a[0]); ++i)
    if (equal(run.item(a[0], i), a[1], run))
      return value::of(static_cast<int64_t>(i));
  return value::of(int64_t{-1});
}

value last_index_of(evaluation& run, const value* a, size_t) {
  for (auto i = run.count(a[0]); i > 0; --i)
    if (equal(run.item(a[0], i - 1), a[1], run))
      return value::of(static_cast<int64_t>(i - 1));
  return value::of(int64_t{-1});
}

std::vector<value> items(const value& list, evaluation& run) {
  std::vector<value> out;
  auto n = run.count(list);
  run.work(n);
  out.reserve(n);
  for (size_t i = 0; i < n; ++i)
    out.push_back(run.item(list, i));
  return out;
}

value slice(evaluation& run, const value* a, size_t) {
  auto from = a[1].integer, to = a[2].integer;
  auto n = static_cast<int64_t>(run.count(a[0]));
  auto range = "cannot slice(" + std::to_string(from) + ", " + std::to_string(to) + "), ";
  if (from < 0 || to < 0)
    return run.error(range + "negative indexes not supported");
  if (from > to)
    return run.error(range + "start index must be less than or equal to end index");
  if (to > n)
    return run.error(range + "list is length " + std::to_string(n));
  auto all = items(a[0], run);
  return run.list({all.begin() + from, all.begin() + to});
}

value sort(evaluation& run, const value* a, size_t) {
  auto all = items(a[0], run);
  for (size_t i = 1; i < all.size(); ++i)
    if (all[i].form != all[0].form || !compare(all[0], all[i]))
      return run.error("list elements must have the same type and be comparable");
  std::stable_sort(all.begin(), all.end(),
                   [](const value& x, const value& y) { return compare(x, y).value_or(0) < 0; });
  return run.list(all);
}

value distinct(evaluation& run, const value* a, size_t) {
  std::vector<value> out;
  for (const auto& v : items(a[0], run))
    if (std::none_of(out.begin(), out.end(), [&](const value& o) {
          run.work(1);
          return equal(o, v, run);
        }))
      out.push_back(v);
  return run.list(out);
}

value reverse(evaluation& run, const value* a, size_t) {
  auto all = items(a[0], run);
  std::reverse(all.begin(), all.end());
  return run.list(all);
}

void flatten_into(std::vector<value>& out, const value& v, int64_t depth, evaluation& run) {
  for (const auto& item : items(v, run)) {
    if (item.is(kind::list) && depth > 0)
      flatten_into(out, item, depth - 1, run);
    else
      out.push_back(item);
  }
}

value flatten(evaluation& run, const value* a, size_t count) {
  auto depth = count > 1 ? a[1].integer : int64_t{1};
  if (depth < 0)
    return run.error("level must be non-negative");
  std::vector<value> out;
  flatten_into(out, a[0], depth, run);
  return run.list(out);
}

value range(evaluation& run, const value* a, size_t) {
  constexpr int64_t most = 1'000'000;
  if (a[0].integer > most)
    return run.error("range size exceeds maximum of " + std::to_string(most));
  std::vector<value> out;
  run.charge(a[0].integer > 0 ? static_cast<uint64_t>(a[0].integer) : 0);
  for (int64_t n = 0; n < a[0].integer; ++n)
    out.push_back(value::of(n));
  return run.list(out);
}

bool has_item(const value& list, const value& v, evaluation& run) {
  for (size_t i = 0; i < run.count(list); ++i)
    if (equal(run.item(list, i), v, run))
      return true;
  return false;
}

bool includes(const value& list, const value& sub, evaluation& run) {
  for (size_t i = 0; i < run.count(sub); ++i)
    if (!has_item(list, run.item(sub, i), run))
      return false;
  return true;
}

value set_contains(evaluation& run, const value* a, size_t) {
  return value::of(includes(a[0], a[1], run));
}

value set_equivalent(evaluation& run, const value* a, size_t) {
  return value::of(includes(a[0], a[1], run) && includes(a[1], a[0], run));
}

value set_intersects(evaluation& run, const value* a, size_t) {
  for (size_t i = 0; i < run.count(a[1]); ++i)
    if (has_item(a[0], run.item(a[1], i), run))
      return value::of(true);
  return value::of(false);
}

constexpr declaration table[] = {
    {"isSorted", "list(C).() -> bool", is_sorted, price::walk},
    {"sum", "list(N).() -> N", sum, price::walk},
    {"max", "list(C).() -> C", extreme<1>, price::walk},
    {"min", "list(C).() -> C", extreme<-1>, price::walk},
    {"indexOf", "list(A).(A) -> int", index_of, price::walk},
    {"lastIndexOf", "list(A).(A) -> int", last_index_of, price::walk},
    {"slice", "list(A).(int, int) -> list(A)", slice, price::keep_size},
    {"sort", "list(C).() -> list(C)", sort, price::walk},
    {"distinct", "list(A).() -> list(A)", distinct, price::product},
    {"reverse", "list(A).() -> list(A)", reverse, price::walk},
    {"flatten", "list(dyn).() -> list(dyn)", flatten, price::walk},
    {"flatten", "list(dyn).(int) -> list(dyn)", flatten, price::walk},
    {"lists.range", "(int) -> list(int)", range},
};

constexpr declaration set_table[] = {
    {"sets.contains", "(list(A), list(A)) -> bool", set_contains, price::product},
    {"sets.equivalent", "(list(A), list(A)) -> bool", set_equivalent, price::product},
    {"sets.intersects", "(list(A), list(A)) -> bool", set_intersects, price::product},
};

} // namespace

library lists() {
  return table;
}

library sets() {
  return set_table;
}

} // namespace thespis::api::cel
