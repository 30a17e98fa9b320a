#include "api/cel/checker.hpp"

#include "api/cel/unifier.hpp"

namespace thespis::api::cel {

namespace {

struct local {
  std::string_view name;
  const type* of;
  int slot;
};

struct type_name {
  std::string_view name;
  kind form;
};

constexpr type_name type_names[] = {
    {"bool", kind::boolean},
    {"int", kind::int_},
    {"uint", kind::uint_},
    {"double", kind::double_},
    {"string", kind::string},
    {"bytes", kind::bytes},
    {"list", kind::list},
    {"map", kind::map},
    {"type", kind::type},
    {"null_type", kind::null_},
    {"optional_type", kind::optional},
    {"google.protobuf.Timestamp", kind::timestamp},
    {"google.protobuf.Duration", kind::duration},
    {"net.IP", kind::ip},
    {"net.CIDR", kind::cidr},
    {"kubernetes.URL", kind::url},
    {"kubernetes.Quantity", kind::quantity},
    {"kubernetes.Semver", kind::semver},
};

class checker {
public:
  checker(const check_scope& scope, type_store& types, issues& found)
      : scope_(scope), types_(types), found_(found), unifier_(types) {}

  size_t run(ast& tree) {
    visit(*tree.root);
    for (auto& e : tree.nodes)
      if (e.of != nullptr)
        e.of = unifier_.substitute(e.of, true);
    return static_cast<size_t>(slots_);
  }

private:
  const type* visit(expr& e);
  const type* resolve(expr& e);
  const type* literal(const expr& e);
  const type* ident(expr& e);
  const type* select(expr& e);
  const type* field(const expr& e, const type* of, std::string_view name);
  const type* call(expr& e);
  const type* choose(expr& e, const std::vector<const type*>& args);
  const type* optional_select(expr& e);
  const type* list(expr& e);
  const type* map(expr& e);
  const type* structure(expr& e);
  const type* fold(expr& e);
  const type* fold_optional(expr& e);
  const type* fold_result(expr& e, const type* key, const type* element);
  const type* bind(expr& e);

  const type* fail(uint32_t offset, std::string message) {
    found_.push_back({offset, std::move(message)});
    return &simple(kind::error);
  }

  const type* mismatch(uint32_t offset, const type* expected, const type* actual) {
    return fail(offset,
                "expected type '" + shown(expected) + "' but found '" + shown(actual) + "'");
  }

  const type* no_overload(uint32_t offset, std::string_view function,
                          const std::vector<const type*>& args, bool member) {
    std::string signature;
    size_t first = 0;
    if (member && !args.empty()) {
      signature = shown(args[0]) + ".";
      first = 1;
    }
    signature += '(';
    for (auto n = first; n < args.size(); ++n)
      signature += (n == first ? "" : ", ") + shown(args[n]);
    return fail(offset, "found no matching overload for '" + std::string{function} +
                            "' applied to '" + signature + ")'");
  }

  std::string shown(const type* t) { return to_string(*unifier_.substitute(t, true)); }

  const local* find_local(std::string_view name) const {
    for (auto it = locals_.rbegin(); it != locals_.rend(); ++it)
      if (it->name == name)
        return &*it;
    return nullptr;
  }

  bool is_variable(const expr& e) const {
    if (e.form != node::ident)
      return false;
    if (!e.absolute && find_local(e.name) != nullptr)
      return true;
    return std::any_of(scope_.variables.begin(), scope_.variables.end(),
                       [&](const variable& v) { return v.name == e.name; });
  }

  /// "a.b.c" of a chain of selects that begins at no variable; empty otherwise.
  std::string qualified(const expr& e) const {
    if (e.form == node::ident)
      return is_variable(e) ? std::string{} : e.name;
    if (e.form != node::select)
      return {};
    auto before = qualified(*e.args[0]);
    return before.empty() ? before : before + "." + e.name;
  }

  const type* named_type(std::string_view name) {
    for (const auto& t : type_names)
      if (t.name == name)
        return types_.type_of(&simple(t.form));
    return nullptr;
  }

  /// A type's name in place of a value: the node becomes a literal.
  const type* as_type(expr& e, std::string_view name) {
    const auto* t = named_type(name);
    if (t != nullptr) {
      e.form = node::literal;
      e.literal = value::of(*t->params[0]);
      e.args.clear();
    }
    return t;
  }

  const check_scope& scope_;
  type_store& types_;
  issues& found_;
  unifier unifier_;
  std::vector<local> locals_;
  int slots_ = 0;
};

const type* checker::visit(expr& e) {
  e.of = resolve(e);
  return e.of;
}

const type* checker::resolve(expr& e) {
  switch (e.form) {
  case node::literal:
    return literal(e);
  case node::ident:
    return ident(e);
  case node::select:
  case node::test:
    return select(e);
  case node::call:
    return call(e);
  case node::list:
    return list(e);
  case node::map:
    return map(e);
  case node::structure:
    return structure(e);
  case node::fold:
    return e.fold == folding::opt_map || e.fold == folding::opt_flat_map ? fold_optional(e)
                                                                         : fold(e);
  case node::bind:
    return bind(e);
  }
  return &simple(kind::error);
}

const type* checker::literal(const expr& e) {
  return e.literal.is(kind::type) ? types_.type_of(e.literal.named) : &simple(e.literal.form);
}

const type* checker::ident(expr& e) {
  if (!e.absolute)
    if (const auto* l = find_local(e.name)) {
      e.slot = l->slot;
      return l->of;
    }
  for (size_t n = 0; n < scope_.variables.size(); ++n)
    if (scope_.variables[n].name == e.name) {
      e.variable = static_cast<int>(n);
      return scope_.variables[n].of;
    }
  if (const auto* t = as_type(e, e.name))
    return t;
  return fail(e.offset, "undeclared reference to '" + e.name + "' (in container '')");
}

const type* checker::field(const expr& e, const type* of, std::string_view name) {
  switch (of->form) {
  case kind::dyn:
  case kind::error:
    return of;
  case kind::param:
    return &simple(kind::dyn);
  case kind::authorizer:
    if (name == "requestResource")
      return &simple(kind::resource_check);
    return fail(e.offset, "type '" + shown(of) + "' does not support field selection");
  case kind::map:
    return unifier_.find(of->param(1));
  case kind::object:
    if (const auto* f = of->find(name))
      return f->of;
    if (of->open)
      return &simple(kind::dyn);
    return fail(e.offset, "undefined field '" + std::string{name} + "'");
  default:
    return fail(e.offset, "type '" + shown(of) + "' does not support field selection");
  }
}

const type* checker::select(expr& e) {
  if (e.form == node::select)
    if (auto name = qualified(e); !name.empty())
      if (const auto* t = as_type(e, name))
        return t;
  const auto* of = unifier_.find(visit(*e.args[0]));
  const type* found = nullptr;
  if (of->form == kind::optional) {
    found = field(e, unifier_.find(of->params[0]), e.name);
    if (found->form != kind::error)
      found = types_.optional(found);
  } else {
    found = field(e, of, e.name);
  }
  return e.form == node::test && found->form != kind::error ? &simple(kind::boolean) : found;
}

const type* checker::optional_select(expr& e) {
  const auto* of = unifier_.find(visit(*e.args[0]));
  visit(*e.args[1]);
  if (of->form == kind::optional)
    of = unifier_.find(of->params[0]);
  const auto* found = field(e, of, e.args[1]->literal.str());
  e.candidates = {&find_function("_?._")[0]};
  return found->form == kind::error ? found : types_.optional(found);
}

const type* checker::call(expr& e) {
  if (e.name == "_?._")
    return optional_select(e);
  // A receiver that names no variable may be the first part of a function's name.
  if (e.member) {
    auto before = qualified(*e.args[0]);
    auto full = before.empty() ? before : before + "." + e.name;
    if (!full.empty() && !find_function(full).empty()) {
      e.name = std::move(full);
      e.member = false;
      e.args.erase(e.args.begin());
    }
  }
  std::vector<const type*> args;
  bool failed = false;
  for (auto* a : e.args) {
    args.push_back(unifier_.find(visit(*a)));
    failed = failed || args.back()->form == kind::error;
  }
  if (find_function(e.name).empty())
    return fail(e.offset, "undeclared reference to '" + e.name + "' (in container '')");
  if (failed)
    return &simple(kind::error);
  return choose(e, args);
}

bool fits(const type& t, std::string_view constraint) {
  switch (t.form) {
  case kind::dyn:
  case kind::param:
  case kind::int_:
  case kind::uint_:
  case kind::double_:
  case kind::duration:
    return true;
  case kind::boolean:
  case kind::timestamp:
  case kind::string:
  case kind::bytes:
    return constraint == "C";
  default:
    return false;
  }
}

const type* checker::choose(expr& e, const std::vector<const type*>& args) {
  const type* result = nullptr;
  for (const auto& o : find_function(e.name)) {
    if (o.member != e.member)
      continue;
    std::map<const type*, const type*> fresh;
    std::function<const type*(const type*)> instance = [&](const type* t) -> const type* {
      if (t->form == kind::param) {
        auto& made = fresh[t];
        return made == nullptr ? made = types_.fresh_param() : made;
      }
      if (t->params.empty())
        return t;
      auto& copy = types_.make(t->form);
      for (const auto* p : t->params)
        copy.params.push_back(instance(p));
      return &copy;
    };
    std::vector<const type*> wanted;
    for (const auto* p : o.params)
      wanted.push_back(instance(p));
    auto before = unifier_.mark();
    auto good = unifier_.assign(wanted, args);
    for (const auto& [declared, made] : fresh)
      if (declared->name == "C" || declared->name == "N")
        good = good && fits(*unifier_.find(made), declared->name);
    if (!good) {
      unifier_.rollback(before);
      continue;
    }
    e.candidates.push_back(&o);
    const auto* given = unifier_.substitute(instance(o.result), false);
    if (result == nullptr)
      result = given;
    else if (!same(*result, *given))
      result = &simple(kind::dyn);
  }
  return result != nullptr ? result : no_overload(e.offset, e.name, args, e.member);
}

const type* checker::list(expr& e) {
  const type* element = nullptr;
  for (size_t n = 0; n < e.args.size(); ++n) {
    const auto* t = unifier_.find(visit(*e.args[n]));
    if (e.maybe[n]) {
      const auto* wanted = types_.optional(types_.fresh_param());
      if (!unifier_.assign(wanted, t))
        return mismatch(e.args[n]->offset, types_.optional(t), t);
      t = t->form == kind::optional ? unifier_.find(t->params[0]) : &simple(kind::dyn);
    }
    if (element == nullptr)
      element = t;
    else if (unifier_.assign(element, t))
      element = unifier_.general(element, t);
    else
      return mismatch(e.args[n]->offset, element, t);
  }
  return types_.list(element != nullptr ? element : types_.fresh_param());
}

const type* checker::map(expr& e) {
  const type *key = nullptr, *held = nullptr;
  for (size_t n = 0; n < e.args.size(); n += 2) {
    const auto* k = unifier_.find(visit(*e.args[n]));
    const auto* v = unifier_.find(visit(*e.args[n + 1]));
    if (!k->params.empty()) // no key at run time; and types must not grow by nesting in keys
      k = &simple(kind::dyn);
    if (e.maybe[n / 2])
      v = v->form == kind::optional ? unifier_.find(v->params[0]) : &simple(kind::dyn);
    if (key == nullptr) {
      key = k;
      held = v;
      continue;
    }
    if (!unifier_.assign(key, k))
      return mismatch(e.args[n]->offset, key, k);
    if (!unifier_.assign(held, v))
      return mismatch(e.args[n + 1]->offset, held, v);
    key = unifier_.general(key, k);
    held = unifier_.general(held, v);
  }
  return types_.map(key != nullptr ? key : types_.fresh_param(),
                    held != nullptr ? held : types_.fresh_param());
}

/// The struct that a value, a list's items or a map's values are; nullptr: none.
const type* built(const type* t) {
  while (t->form == kind::list || t->form == kind::map || t->form == kind::optional)
    t = t->param(t->form == kind::map ? 1 : 0);
  return t->form == kind::object && t->open ? t : nullptr;
}

const type* checker::structure(expr& e) {
  auto patch = e.name == "JSONPatch";
  auto object = e.name == "Object" || e.name.starts_with("Object.");
  if (!scope_.mutations || (!patch && !object))
    return fail(e.offset, "undeclared reference to '" + e.name + "' (in container '')");
  auto& made = types_.make(kind::object, e.name);
  made.open = object;
  for (size_t n = 0; n < e.args.size(); ++n) {
    const auto* t = unifier_.find(visit(*e.args[n]));
    if (e.maybe[n] && t->form == kind::optional)
      t = unifier_.find(t->params[0]);
    const auto& name = e.fields[n];
    if (object) {
      const auto* inner = built(unifier_.substitute(t, true));
      if (inner != nullptr && inner->name != e.name + "." + name)
        fail(e.colons[n], "expected type of field '" + name + "' is '" + e.name + "." + name +
                              "' but provided type is '" + inner->name + "'");
      continue;
    }
    if (name != "op" && name != "path" && name != "from" && name != "value")
      fail(e.colons[n], "undefined field '" + name + "'");
    else if (name != "value" && !unifier_.assign(&simple(kind::string), t))
      fail(e.colons[n], "expected type of field '" + name + "' is 'string' but provided type is '" +
                            shown(t) + "'");
  }
  return &made;
}

const type* checker::fold(expr& e) {
  const auto* range = unifier_.find(visit(*e.args[0]));
  const type *key = &simple(kind::dyn), *element = key;
  auto is_map = range->form == kind::map;
  switch (range->form) {
  case kind::list:
    key = &simple(kind::int_);
    element = unifier_.find(range->params[0]);
    break;
  case kind::map:
    key = unifier_.find(range->param(0));
    element = unifier_.find(range->param(1));
    break;
  case kind::dyn:
  case kind::error:
  case kind::param:
    break;
  default:
    fail(e.args[0]->offset, "expression of type '" + shown(range) +
                                "' cannot be range of a comprehension (must be list, map, or "
                                "dynamic)");
    element = key = &simple(kind::error);
  }
  auto depth = locals_.size();
  e.slot = slots_++;
  if (e.var2.empty()) {
    locals_.push_back({e.var, is_map ? key : element, e.slot});
  } else {
    e.slot2 = slots_++;
    locals_.push_back({e.var, key, e.slot});
    locals_.push_back({e.var2, element, e.slot2});
  }
  for (size_t n = 1; n < e.args.size(); ++n)
    visit(*e.args[n]);
  locals_.resize(depth);
  return fold_result(e, key, is_map && e.var2.empty() ? key : element);
}

const type* checker::fold_result(expr& e, const type* key, const type* element) {
  const auto* boolean = &simple(kind::boolean);
  const auto* first = unifier_.find(e.args[1]->of);
  const auto* last = unifier_.find(e.args.back()->of);
  auto predicate = [&](const char* op, std::vector<const type*> around) -> const type* {
    if (unifier_.assign(boolean, first))
      return nullptr;
    return no_overload(e.offset, op, around, false);
  };
  const type* wrong = nullptr;
  switch (e.fold) {
  case folding::all:
    wrong = predicate("_&&_", {boolean, first});
    break;
  case folding::exists:
    wrong = predicate("_||_", {boolean, first});
    break;
  case folding::exists_one:
    wrong = predicate("_?_:_", {first, &simple(kind::int_), &simple(kind::int_)});
    break;
  case folding::filter:
    wrong = predicate("_?_:_", {first, types_.list(element), types_.list(element)});
    return wrong != nullptr ? wrong : types_.list(element);
  case folding::map_filtered:
  case folding::transform_list_some:
    wrong = predicate("_?_:_", {first, types_.list(last), types_.list(last)});
    return wrong != nullptr ? wrong : types_.list(last);
  case folding::map:
  case folding::transform_list:
    return types_.list(last);
  case folding::sort_by:
    return types_.list(element);
  case folding::transform_map_some:
    wrong = predicate("_?_:_", {first, types_.map(key, last), types_.map(key, last)});
    return wrong != nullptr ? wrong : types_.map(key, last);
  case folding::transform_map:
    return types_.map(key, last);
  case folding::transform_entry_some:
    wrong = predicate("_?_:_", {first, last, last});
    [[fallthrough]];
  case folding::transform_entry:
    if (wrong != nullptr)
      return wrong;
    if (last->form != kind::map && last->form != kind::dyn && last->form != kind::error)
      return no_overload(e.offset, "cel.@mapInsert", {types_.map(key, element), last}, false);
    return last;
  case folding::opt_map:
  case folding::opt_flat_map:
    break;
  }
  return wrong != nullptr ? wrong : boolean;
}

const type* checker::fold_optional(expr& e) {
  const auto* of = unifier_.find(visit(*e.args[0]));
  const auto* inner = of;
  if (of->form == kind::optional)
    inner = unifier_.find(of->params[0]);
  else if (of->form != kind::dyn && of->form != kind::error)
    return no_overload(e.offset, "hasValue", {of}, true);
  e.slot = slots_++;
  locals_.push_back({e.var, inner, e.slot});
  const auto* made = unifier_.find(visit(*e.args[1]));
  locals_.pop_back();
  if (e.fold == folding::opt_map)
    return made->form == kind::error ? made : types_.optional(made);
  if (made->form != kind::optional && made->form != kind::dyn && made->form != kind::error)
    return no_overload(e.offset, "_?_:_",
                       {&simple(kind::boolean), made, types_.optional(&simple(kind::dyn))}, false);
  return made;
}

const type* checker::bind(expr& e) {
  const auto* of = unifier_.find(visit(*e.args[0]));
  e.slot = slots_++;
  locals_.push_back({e.var, of, e.slot});
  const auto* result = visit(*e.args[1]);
  locals_.pop_back();
  return result;
}

} // namespace

size_t check(ast& tree, const check_scope& scope, type_store& types, issues& found) {
  return checker{scope, types, found}.run(tree);
}

} // namespace thespis::api::cel
