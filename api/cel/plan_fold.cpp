// Comprehensions. Each charges what its expansion into cel-go's general loop would cost.

#include "api/cel/plan.hpp"

#include <algorithm>

namespace thespis::api::cel {

namespace {

/// What a loop's general form costs beside what is written in it.
constexpr uint64_t list_cost = 10, map_cost = 30;
constexpr uint64_t all_step = 3, exists_step = 4, append_step = 12, insert_step = 3;

/// A growing list whose items end up in the evaluation's memory.
class collector {
public:
  void add(const value& v, evaluation& run) {
    if (items_.size() >= evaluation::memory_limit / sizeof(value))
      throw evaluation::cancelled{"operation cancelled: memory limit exceeded"};
    run.work(1);
    items_.push_back(v);
  }
  value list(evaluation& run) { return run.list(items_); }
  std::vector<value>& items() { return items_; }

private:
  std::vector<value> items_;
};

struct fold_base : operation {
  const operation* range = nullptr;
  const operation *first = nullptr, *last = nullptr; ///< the same when there is no predicate
  folding fold = folding::all;
  int slot = 0, slot2 = -1;

  void assign(frame& f, const value& range_value, size_t n) const {
    auto is_map = range_value.is(kind::map);
    if (slot2 < 0) {
      f.locals[slot] = is_map ? f.run.key_at(range_value, n) : f.run.item(range_value, n);
      return;
    }
    f.locals[slot] = is_map ? f.run.key_at(range_value, n) : value::of(static_cast<int64_t>(n));
    f.locals[slot2] = is_map ? f.run.value_at(range_value, n) : f.run.item(range_value, n);
  }

  /// The range, or an error when it cannot be one.
  value over(frame& f) const {
    auto v = range->eval(f);
    if (v.is_error() || v.is(kind::list) || (v.is(kind::map) && v.held != backing::lazy))
      return v;
    return f.run.no_overload();
  }
};

struct quantifier final : fold_base {
  value eval(frame& f) const override {
    auto r = over(f);
    if (r.is_error())
      return r;
    f.run.charge(1);
    return fold == folding::exists_one ? one(f, r) : any(f, r, fold == folding::exists);
  }

  /// Stops at `wanted`; an error counts only when nothing stops it.
  value any(frame& f, const value& r, bool wanted) const {
    auto out = value::of(!wanted);
    for (size_t n = 0, count = f.run.count(r); n < count; ++n) {
      f.run.charge(wanted ? exists_step : all_step);
      assign(f, r, n);
      auto v = expect(kind::boolean, first->eval(f), f.run);
      if (v.is(kind::boolean) && v.boolean == wanted)
        return v;
      if (v.is_error() && !out.is_error())
        out = v;
    }
    return out;
  }

  value one(frame& f, const value& r) const {
    size_t found = 0;
    f.run.charge(1);
    for (size_t n = 0, count = f.run.count(r); n < count; ++n) {
      assign(f, r, n);
      auto v = expect(kind::boolean, first->eval(f), f.run);
      if (v.is_error())
        return v;
      f.run.charge(v.boolean ? 2 : 1);
      found += v.boolean;
    }
    return value::of(found == 1);
  }
};

struct list_fold final : fold_base {
  value eval(frame& f) const override {
    auto r = over(f);
    if (r.is_error())
      return r;
    f.run.charge(list_cost + 1);
    collector out;
    for (size_t n = 0, count = f.run.count(r); n < count; ++n) {
      assign(f, r, n);
      auto kept = f.locals[slot];
      if (fold == folding::filter || first != last) {
        auto v = expect(kind::boolean, first->eval(f), f.run);
        if (v.is_error())
          return v;
        if (!v.boolean) {
          f.run.charge(1);
          continue;
        }
      }
      f.run.charge(append_step);
      if (fold == folding::filter) {
        f.run.charge(1);
      } else {
        kept = last->eval(f);
        if (kept.is_error())
          return kept;
      }
      out.add(kept, f.run);
    }
    return out.list(f.run);
  }
};

struct map_fold final : fold_base {
  value eval(frame& f) const override {
    auto r = over(f);
    if (r.is_error())
      return r;
    f.run.charge(map_cost + 1);
    collector keys, held;
    auto entries = fold == folding::transform_entry || fold == folding::transform_entry_some;
    for (size_t n = 0, count = f.run.count(r); n < count; ++n) {
      assign(f, r, n);
      auto key = f.locals[slot];
      if (first != last) {
        auto v = expect(kind::boolean, first->eval(f), f.run);
        if (v.is_error())
          return v;
        if (!v.boolean) {
          f.run.charge(1);
          continue;
        }
      }
      f.run.charge(insert_step);
      auto v = last->eval(f);
      if (v.is_error())
        return v;
      if (entries) {
        if (auto problem = add_entries(v, keys, held, f); problem.is_error())
          return problem;
        continue;
      }
      keys.add(key, f.run);
      held.add(v, f.run);
    }
    return build(keys, held, entries, f.run);
  }

  static value add_entries(const value& map, collector& keys, collector& held, frame& f) {
    if (!map.is(kind::map) || map.held == backing::lazy)
      return f.run.no_overload();
    for (size_t n = 0; n < f.run.count(map); ++n) {
      keys.add(f.run.key_at(map, n), f.run);
      held.add(f.run.value_at(map, n), f.run);
    }
    return {};
  }

  static value build(collector& keys, collector& held, bool check, evaluation& run) {
    auto count = keys.items().size();
    auto *k = run.values(count), *v = run.values(count);
    std::copy(keys.items().begin(), keys.items().end(), k);
    std::copy(held.items().begin(), held.items().end(), v);
    for (size_t n = 1; check && n < count; ++n) {
      run.work(n);
      for (size_t m = 0; m < n; ++m)
        if (equal(k[m], k[n], run))
          return run.error("insert failed: key already exists");
    }
    return run.map(k, v, count);
  }
};

struct sort_fold final : fold_base {
  value eval(frame& f) const override {
    auto r = over(f);
    if (r.is_error())
      return r;
    f.run.charge(list_cost + 1);
    std::vector<std::pair<value, value>> keyed;
    for (size_t n = 0, count = f.run.count(r); n < count; ++n) {
      f.run.charge(append_step);
      assign(f, r, n);
      auto key = last->eval(f);
      if (key.is_error())
        return key;
      keyed.emplace_back(key, f.locals[slot]);
      if (key.form != keyed[0].first.form || !compare(key, key))
        return f.run.error("list elements must have the same type and be comparable");
    }
    std::stable_sort(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) {
      return compare(a.first, b.first).value_or(0) < 0;
    });
    collector out;
    for (const auto& [key, v] : keyed)
      out.add(v, f.run);
    return out.list(f.run);
  }
};

struct optional_fold final : fold_base {
  value eval(frame& f) const override {
    auto v = expect(kind::optional, range->eval(f), f.run);
    if (v.is_error())
      return v;
    f.run.charge(1);
    if (!v.maybe->present) {
      f.run.charge(1);
      return f.run.none();
    }
    // The expansion binds the value by a loop over an empty list.
    f.run.charge(list_cost + 2);
    f.locals[slot] = v.maybe->held;
    auto made = last->eval(f);
    if (made.is_error())
      return made;
    return fold == folding::opt_map ? f.run.some(made) : expect(kind::optional, made, f.run);
  }
};

struct bind_value final : operation {
  value eval(frame& f) const override {
    f.run.charge(list_cost);
    // An error is bound like any value: it counts only where the variable is used.
    f.locals[slot] = init->eval(f);
    return body->eval(f);
  }
  const operation *init = nullptr, *body = nullptr;
  int slot = 0;
};

std::unique_ptr<fold_base> make_fold(folding f) {
  switch (f) {
  case folding::all:
  case folding::exists:
  case folding::exists_one:
    return std::make_unique<quantifier>();
  case folding::map:
  case folding::map_filtered:
  case folding::filter:
  case folding::transform_list:
  case folding::transform_list_some:
    return std::make_unique<list_fold>();
  case folding::transform_map:
  case folding::transform_map_some:
  case folding::transform_entry:
  case folding::transform_entry_some:
    return std::make_unique<map_fold>();
  case folding::opt_map:
  case folding::opt_flat_map:
    return std::make_unique<optional_fold>();
  case folding::sort_by:
    return std::make_unique<sort_fold>();
  }
  return nullptr;
}

} // namespace

const operation* plan_fold(const expr& e, operations& out) {
  if (e.form == node::bind) {
    auto op = std::make_unique<bind_value>();
    op->init = plan(*e.args[0], out);
    op->body = plan(*e.args[1], out);
    op->slot = e.slot;
    out.push_back(std::move(op));
    return out.back().get();
  }
  auto op = make_fold(e.fold);
  op->fold = e.fold;
  op->range = plan(*e.args[0], out);
  op->first = plan(*e.args[1], out);
  op->last = e.args.size() > 2 ? plan(*e.args[2], out) : op->first;
  op->slot = e.slot;
  op->slot2 = e.slot2;
  out.push_back(std::move(op));
  return out.back().get();
}

} // namespace thespis::api::cel
