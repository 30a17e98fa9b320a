#include "api/cel/plan.hpp"

#include "api/cel/objects.hpp"

namespace thespis::api::cel {

namespace {

constexpr uint64_t list_cost = 10, map_cost = 30, struct_cost = 40;

struct constant final : operation {
  explicit constant(value v) : held(v) {}
  value eval(frame&) const override { return held; }
  value held;
};

struct variable_use final : operation {
  value eval(frame& f) const override {
    f.run.charge(1);
    const auto& v = f.variables[index];
    return v.is(kind::dyn) ? f.run.error("no such attribute(s): " + name) : v;
  }
  size_t index = 0;
  std::string name;
};

struct local_use final : operation {
  explicit local_use(int s) : slot(s) {}
  value eval(frame& f) const override {
    f.run.charge(1);
    return f.locals[slot];
  }
  int slot;
};

struct select final : operation {
  value eval(frame& f) const override {
    auto of = operand->eval(f);
    if (of.is_error())
      return of;
    if (!test)
      f.run.charge(1);
    if (of.is(kind::optional))
      return of.maybe->present ? maybe(of.maybe->held, f.run) : absent(f.run);
    if (of.is(kind::authorizer) && of.authorization->current != nullptr) {
      auto asked = *of.authorization;
      asked.request = *asked.current;
      return f.run.authorization(kind::resource_check, asked);
    }
    if (!of.is(kind::map))
      return test ? f.run.no_overload() : f.run.error("no such key: " + std::string{name});
    auto found = f.run.field(of, name);
    if (test)
      return found && found->is_error() ? *found : value::of(found.has_value());
    return found ? *found : f.run.error("no such key: " + std::string{name});
  }

  value absent(evaluation& run) const { return test ? value::of(false) : run.none(); }

  value maybe(const value& of, evaluation& run) const {
    if (!of.is(kind::map))
      return run.no_overload();
    auto found = run.field(of, name);
    if (!found)
      return absent(run);
    return test ? value::of(true) : run.some(*found);
  }

  const operation* operand = nullptr;
  std::string_view name;
  bool test = false;
};

template <bool Or>
struct logical final : operation {
  value eval(frame& f) const override {
    auto l = left->eval(f);
    if (l.is(kind::boolean) && l.boolean == Or)
      return l;
    auto r = right->eval(f);
    if (r.is(kind::boolean) && r.boolean == Or)
      return r;
    if (l.is_error())
      return l;
    if (r.is_error())
      return r;
    return l.is(kind::boolean) && r.is(kind::boolean) ? value::of(!Or) : f.run.no_overload();
  }
  const operation *left = nullptr, *right = nullptr;
};

struct conditional final : operation {
  value eval(frame& f) const override {
    auto c = expect(kind::boolean, condition->eval(f), f.run);
    if (c.is_error())
      return c;
    return c.boolean ? yes->eval(f) : no->eval(f);
  }
  const operation *condition = nullptr, *yes = nullptr, *no = nullptr;
};

struct invoke final : operation {
  value eval(frame& f) const override {
    constexpr size_t most = 4;
    value given[most];
    auto count = args.size();
    for (size_t n = 0; n < count; ++n) {
      given[n] = args[n]->eval(f);
      if (given[n].is_error())
        return given[n];
    }
    for (const auto* o : *candidates)
      if (o->accepts(given, count)) {
        // What work an operation takes follows from its arguments; it is paid before it is done.
        auto late = o->cost == price::result_twice;
        if (!late)
          charge(o->cost, given, count, {}, f.run);
        auto out = o->call(f.run, given, count);
        if (late)
          charge(o->cost, given, count, out, f.run);
        return out;
      }
    f.run.charge(1);
    return f.run.no_overload();
  }
  std::vector<const operation*> args;
  const std::vector<const overload*>* candidates = nullptr;
};

struct make_list final : operation {
  value eval(frame& f) const override {
    f.run.charge(list_cost);
    auto* items = f.run.values(args.size());
    size_t count = 0;
    for (size_t n = 0; n < args.size(); ++n) {
      auto v = args[n]->eval(f);
      if (v.is_error())
        return v;
      if (source->maybe[n]) {
        v = expect(kind::optional, v, f.run);
        if (v.is_error())
          return v;
        if (!v.maybe->present)
          continue;
        v = v.maybe->held;
      }
      items[count++] = v;
    }
    return f.run.list(items, count);
  }
  const expr* source = nullptr;
  std::vector<const operation*> args;
};

bool can_be_key(const value& v) {
  return v.is(kind::string) || v.is(kind::int_) || v.is(kind::uint_) || v.is(kind::boolean) ||
         v.is(kind::double_);
}

struct make_map final : operation {
  value eval(frame& f) const override {
    f.run.charge(map_cost);
    auto most = args.size() / 2;
    auto *keys = f.run.values(most), *held = f.run.values(most);
    size_t count = 0;
    for (size_t n = 0; n < args.size(); n += 2) {
      auto k = args[n]->eval(f);
      if (k.is_error())
        return k;
      if (!can_be_key(k))
        return f.run.error("unsupported key type: " + to_string(simple(k.form)));
      auto v = args[n + 1]->eval(f);
      if (v.is_error())
        return v;
      if (source->maybe[n / 2]) {
        v = expect(kind::optional, v, f.run);
        if (v.is_error())
          return v;
        if (!v.maybe->present)
          continue;
        v = v.maybe->held;
      }
      f.run.work(count);
      for (size_t m = 0; m < count; ++m)
        if (equal(keys[m], k, f.run))
          return f.run.error("Failed with repeated key");
      keys[count] = k;
      held[count++] = v;
    }
    return f.run.map(keys, held, count);
  }
  const expr* source = nullptr;
  std::vector<const operation*> args;
};

struct make_struct final : operation {
  value eval(frame& f) const override {
    f.run.charge(struct_cost);
    auto *keys = f.run.values(args.size()), *held = f.run.values(args.size());
    size_t count = 0;
    for (size_t n = 0; n < args.size(); ++n) {
      auto v = args[n]->eval(f);
      if (v.is_error())
        return v;
      if (source->maybe[n]) {
        v = expect(kind::optional, v, f.run);
        if (v.is_error())
          return v;
        if (!v.maybe->present)
          continue;
        v = v.maybe->held;
      }
      keys[count] = value::of(std::string_view{source->fields[n]});
      held[count++] = v;
    }
    return f.run.map(keys, held, count, source->of);
  }
  const expr* source = nullptr;
  std::vector<const operation*> args;
};

template <class T>
T& add(operations& out, std::unique_ptr<T> op) {
  auto& made = *op;
  out.push_back(std::move(op));
  return made;
}

std::vector<const operation*> plan_all(const expr& e, operations& out) {
  std::vector<const operation*> args;
  for (const auto* a : e.args)
    args.push_back(plan(*a, out));
  return args;
}

template <bool Or>
const operation* plan_logical(const expr& e, operations& out) {
  auto op = std::make_unique<logical<Or>>();
  op->left = plan(*e.args[0], out);
  op->right = plan(*e.args[1], out);
  return &add(out, std::move(op));
}

const operation* plan_call(const expr& e, operations& out) {
  if (e.name == "_&&_")
    return plan_logical<false>(e, out);
  if (e.name == "_||_")
    return plan_logical<true>(e, out);
  if (e.name == "_?_:_") {
    auto op = std::make_unique<conditional>();
    op->condition = plan(*e.args[0], out);
    op->yes = plan(*e.args[1], out);
    op->no = plan(*e.args[2], out);
    return &add(out, std::move(op));
  }
  auto op = std::make_unique<invoke>();
  op->args = plan_all(e, out);
  op->candidates = &e.candidates;
  return &add(out, std::move(op));
}

template <class T>
const operation* plan_made(const expr& e, operations& out) {
  auto op = std::make_unique<T>();
  op->source = &e;
  op->args = plan_all(e, out);
  return &add(out, std::move(op));
}

const operation* plan_ident(const expr& e, operations& out) {
  if (e.slot >= 0)
    return &add(out, std::make_unique<local_use>(e.slot));
  auto op = std::make_unique<variable_use>();
  op->index = static_cast<size_t>(e.variable);
  op->name = e.name;
  return &add(out, std::move(op));
}

} // namespace

const operation* plan(const expr& e, operations& out) {
  switch (e.form) {
  case node::literal:
    return &add(out, std::make_unique<constant>(e.literal));
  case node::ident:
    return plan_ident(e, out);
  case node::select:
  case node::test: {
    auto op = std::make_unique<select>();
    op->operand = plan(*e.args[0], out);
    op->name = e.name;
    op->test = e.form == node::test;
    return &add(out, std::move(op));
  }
  case node::call:
    return plan_call(e, out);
  case node::list:
    return plan_made<make_list>(e, out);
  case node::map:
    return plan_made<make_map>(e, out);
  case node::structure:
    return plan_made<make_struct>(e, out);
  case node::fold:
  case node::bind:
    return plan_fold(e, out);
  }
  return nullptr;
}

} // namespace thespis::api::cel
