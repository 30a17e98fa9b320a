#include "api/cel/cost.hpp"

#include "api/cel/functions.hpp"

#include <algorithm>
#include <map>

namespace thespis::api::cel {

namespace {

constexpr uint64_t unknown = UINT64_MAX;
constexpr uint64_t list_cost = 10, map_cost = 30, struct_cost = 40;

uint64_t plus(uint64_t a, uint64_t b) {
  return a > unknown - b ? unknown : a + b;
}

uint64_t times(uint64_t a, uint64_t b) {
  return b != 0 && a > unknown / b ? unknown : a * b;
}

uint64_t quarter(uint64_t size) {
  return size == unknown ? unknown : (size + 3) / 4;
}

uint64_t tenth_of(uint64_t size) {
  return size == unknown ? unknown : tenth(size);
}

/// Bounds of a value's size.
struct sizes {
  uint64_t least = 0, most = unknown;
  uint64_t item = unknown; ///< the most that an item, or a map's value, has
  uint64_t key = unknown;  ///< the most that a map's key has
};

struct estimate {
  uint64_t cost = 0; ///< the most
  sizes size;
};

bool is_scalar(const type& t) {
  switch (t.form) {
  case kind::boolean:
  case kind::double_:
  case kind::duration:
  case kind::int_:
  case kind::timestamp:
  case kind::uint_:
  case kind::null_:
  case kind::type:
    return true;
  default:
    return false;
  }
}

/// What a declared type tells of its values' sizes.
sizes declared(const type& t) {
  sizes s;
  if (is_scalar(t)) {
    s.least = s.most = 1;
    return s;
  }
  s.most = t.max_size;
  if (t.form == kind::list)
    s.item = declared(*t.param(0)).most;
  if (t.form == kind::map) {
    s.key = declared(*t.param(0)).most;
    s.item = declared(*t.param(1)).most;
  }
  return s;
}

class estimator {
public:
  estimate visit(const expr& e);

private:
  estimate literal(const expr& e);
  estimate call(const expr& e);
  estimate fold(const expr& e);
  estimate made_list(const expr& e);
  estimate made_map(const expr& e);
  sizes result(const expr& e, const overload& o, const std::vector<estimate>& args);
  uint64_t price_of(const overload& o, const std::vector<estimate>& args);

  std::map<int, sizes> locals_;
};

estimate estimator::visit(const expr& e) {
  switch (e.form) {
  case node::literal:
    return literal(e);
  case node::ident: {
    auto known = e.slot >= 0 ? locals_.find(e.slot) : locals_.end();
    return {1, known != locals_.end() ? known->second : declared(*e.of)};
  }
  case node::select:
    return {plus(visit(*e.args[0]).cost, 1), declared(*e.of)};
  case node::test:
    return {visit(*e.args[0]).cost, {1, 1}};
  case node::call:
    return call(e);
  case node::list:
    return made_list(e);
  case node::map:
    return made_map(e);
  case node::structure: {
    uint64_t cost = struct_cost;
    for (const auto* a : e.args)
      cost = plus(cost, visit(*a).cost);
    return {cost, {}};
  }
  case node::fold:
    return fold(e);
  case node::bind: {
    auto init = visit(*e.args[0]);
    locals_[e.slot] = init.size;
    auto body = visit(*e.args[1]);
    return {plus(list_cost, plus(init.cost, body.cost)), body.size};
  }
  }
  return {};
}

estimate estimator::literal(const expr& e) {
  const auto& v = e.literal;
  uint64_t n = v.is(kind::string) ? code_points(v.str()) : v.is(kind::bytes) ? v.size : 1;
  return {0, {n, n}};
}

estimate estimator::made_list(const expr& e) {
  estimate out{list_cost, {e.args.size(), e.args.size(), 0, 1}};
  for (const auto* a : e.args) {
    auto item = visit(*a);
    out.cost = plus(out.cost, item.cost);
    out.size.item = std::max(out.size.item, item.size.most);
  }
  return out;
}

estimate estimator::made_map(const expr& e) {
  auto count = e.args.size() / 2;
  estimate out{map_cost, {count, count, 0, 0}};
  for (size_t n = 0; n < e.args.size(); n += 2) {
    auto key = visit(*e.args[n]), held = visit(*e.args[n + 1]);
    out.cost = plus(out.cost, plus(key.cost, held.cost));
    out.size.key = std::max(out.size.key, key.size.most);
    out.size.item = std::max(out.size.item, held.size.most);
  }
  return out;
}

uint64_t estimator::price_of(const overload& o, const std::vector<estimate>& args) {
  auto most = [&](size_t n) { return n < args.size() ? args[n].size.most : 0; };
  switch (o.cost) {
  case price::none:
  case price::conditional:
    return 0;
  case price::one:
  case price::append_lists:
  case price::index:
  case price::keep_size:
    return 1;
  case price::authorization:
    return 350'000;
  case price::traverse:
    return tenth_of(most(0));
  case price::traverse_twice:
    return tenth_of(times(most(0), 2));
  case price::traverse_second:
    return tenth_of(most(1));
  case price::result_twice: {
    auto separators = times(most(1), most(0) == 0 ? 0 : most(0) - 1);
    return tenth_of(plus(times(most(0), args[0].size.item), separators));
  }
  case price::concatenate:
    return tenth_of(plus(most(0), most(1)));
  case price::smaller:
    return tenth_of(std::min(most(0), most(1)));
  case price::contains:
    return times(tenth_of(most(0)), tenth_of(most(1)));
  case price::matches:
    return times(tenth_of(plus(most(0), 1)), quarter(most(1)));
  case price::search_list:
    return most(1);
  case price::walk: {
    auto texts = o.params[0]->form == kind::list;
    return texts ? times(most(0), plus(1, tenth_of(args[0].size.item))) : tenth_of(most(0));
  }
  case price::product:
    return plus(times(most(0), most(1)), 1);
  case price::contains_ip:
    return tenth(32);
  case price::contains_ip_text:
    return plus(tenth(32), tenth_of(most(1)));
  case price::contains_cidr:
    return tenth(32) + tenth(16) + 1;
  case price::contains_cidr_text:
    return plus(tenth(32) + tenth(16) + 1, tenth_of(most(1)));
  case price::validate_format: {
    constexpr uint64_t longest_pattern = 1163;
    return times(tenth_of(plus(most(1), 1)), quarter(longest_pattern));
  }
  }
  return 1;
}

sizes estimator::result(const expr& e, const overload& o, const std::vector<estimate>& args) {
  switch (o.cost) {
  case price::index: {
    auto s = declared(*e.of);
    s.most = std::min(s.most, args[0].size.item);
    return s;
  }
  case price::keep_size:
    return args[0].size;
  case price::conditional: {
    auto a = args[1].size, b = args[2].size;
    return {std::min(a.least, b.least), std::max(a.most, b.most), std::max(a.item, b.item),
            std::max(a.key, b.key)};
  }
  case price::concatenate:
  case price::append_lists: {
    auto a = args[0].size, b = args[1].size;
    return {plus(a.least, b.least), plus(a.most, b.most), std::max(a.item, b.item), 1};
  }
  case price::result_twice:
    return {0, plus(times(args[0].size.most, args[0].size.item),
                    args.size() > 1 ? times(args[1].size.most, args[0].size.most) : 0)};
  case price::traverse_twice:
    if (o.function == "split")
      return {0, args[0].size.most, args[0].size.most, 1};
    if (o.function == "replace") {
      auto text = args[0].size, what = args[1].size, with = args[2].size;
      if (what.least != 0 && with.most <= what.least)
        return {0, text.most};
      auto count = what.least == 0 ? plus(text.most, 1) : plus(text.most / what.least, 1);
      return {0, plus(times(count, with.most), text.most)};
    }
    break;
  case price::traverse:
    if (o.result->form == kind::string && o.function != "format")
      return {0, args[0].size.most};
    if (o.result->form == kind::bytes)
      return {args[0].size.least, times(args[0].size.most, 4)};
    break;
  case price::matches:
    if (o.result->form != kind::boolean)
      return {0, args[0].size.most, args[0].size.most, 1};
    break;
  default:
    break;
  }
  return declared(*e.of);
}

estimate estimator::call(const expr& e) {
  std::vector<estimate> args;
  estimate out;
  for (const auto* a : e.args) {
    args.push_back(visit(*a));
    out.cost = plus(out.cost, args.back().cost);
  }
  if (e.name == "_?_:_")
    out.cost = plus(args[0].cost, std::max(args[1].cost, args[2].cost));
  uint64_t dearest = 0;
  bool first = true;
  for (const auto* o : e.candidates) {
    dearest = std::max(dearest, price_of(*o, args));
    auto s = result(e, *o, args);
    if (!first) {
      s.most = std::max(s.most, out.size.most);
      s.least = std::min(s.least, out.size.least);
      s.item = std::max(s.item, out.size.item);
    }
    out.size = s;
    first = false;
  }
  out.cost = plus(out.cost, dearest);
  return out;
}

estimate estimator::fold(const expr& e) {
  auto range = visit(*e.args[0]);
  const auto& type = *e.args[0]->of;
  sizes key{1, 1}, item;
  item.most = range.size.item;
  if (type.form == kind::list && !type.params.empty())
    item = declared(*type.param(0));
  else if (type.form == kind::map) {
    key = declared(*type.param(0));
    item = declared(*type.param(1));
  }
  key.most = std::min(key.most, type.form == kind::map ? range.size.key : 1);
  item.most = std::min(item.most, range.size.item);
  auto optional = e.fold == folding::opt_map || e.fold == folding::opt_flat_map;
  if (optional)
    item = declared(*type.param(0));
  auto keys = type.form == kind::map && e.var2.empty();
  locals_[e.slot] = keys || !e.var2.empty() ? key : item;
  if (!e.var2.empty())
    locals_[e.slot2] = item;
  uint64_t step = 0;
  sizes made;
  for (size_t n = 1; n < e.args.size(); ++n) {
    auto part = visit(*e.args[n]);
    step = plus(step, part.cost);
    made = part.size;
  }
  if (optional)
    return {plus(plus(range.cost, step), list_cost + 4), made};
  switch (e.fold) {
  case folding::all:
    return {plus(plus(range.cost, 1), times(range.size.most, plus(step, 3))), {1, 1}};
  case folding::exists:
    return {plus(plus(range.cost, 1), times(range.size.most, plus(step, 4))), {1, 1}};
  case folding::exists_one:
    return {plus(plus(range.cost, 2), times(range.size.most, plus(step, 2))), {1, 1}};
  case folding::filter:
    return {plus(plus(range.cost, list_cost + 1), times(range.size.most, plus(step, 13))),
            {0, range.size.most, keys ? key.most : item.most, 1}};
  case folding::transform_map:
  case folding::transform_map_some:
  case folding::transform_entry:
  case folding::transform_entry_some:
    return {plus(plus(range.cost, map_cost + 1), times(range.size.most, plus(step, 3))),
            {0, range.size.most, made.most, key.most}};
  default:
    return {plus(plus(range.cost, list_cost + 1), times(range.size.most, plus(step, 12))),
            {0, range.size.most, made.most, 1}};
  }
}

} // namespace

uint64_t estimate_cost(const expr& e) {
  return estimator{}.visit(e).cost;
}

} // namespace thespis::api::cel
