#include "api/cel/macros.hpp"

#include <array>
#include <optional>

namespace thespis::api::cel {

namespace {

/// A macro on a receiver: so many arguments, of which `variables` name variables.
struct macro {
  std::string_view name;
  size_t arguments;
  size_t variables;
  folding fold;
};

constexpr std::array<macro, 20> macros = {{
    {"all", 2, 1, folding::all},
    {"all", 3, 2, folding::all},
    {"exists", 2, 1, folding::exists},
    {"exists", 3, 2, folding::exists},
    {"exists_one", 2, 1, folding::exists_one},
    {"exists_one", 3, 2, folding::exists_one},
    {"existsOne", 2, 1, folding::exists_one},
    {"existsOne", 3, 2, folding::exists_one},
    {"map", 2, 1, folding::map},
    {"map", 3, 1, folding::map_filtered},
    {"filter", 2, 1, folding::filter},
    {"transformList", 3, 2, folding::transform_list},
    {"transformList", 4, 2, folding::transform_list_some},
    {"transformMap", 3, 2, folding::transform_map},
    {"transformMap", 4, 2, folding::transform_map_some},
    {"transformMapEntry", 3, 2, folding::transform_entry},
    {"transformMapEntry", 4, 2, folding::transform_entry_some},
    {"optMap", 2, 1, folding::opt_map},
    {"optFlatMap", 2, 1, folding::opt_flat_map},
    {"sortBy", 2, 1, folding::sort_by},
}};

std::string variable_message(folding f) {
  switch (f) {
  case folding::all:
  case folding::exists:
  case folding::exists_one:
    return "argument must be a simple name";
  case folding::opt_map:
  case folding::opt_flat_map:
    return "variable name must be a simple identifier";
  default:
    return "argument is not an identifier";
  }
}

/// The name of a variable argument, which must be free to use.
std::optional<std::string> variable(const expr& e, folding f, issues& found) {
  if (e.form != node::ident || e.absolute) {
    found.push_back({e.offset, variable_message(f)});
    return std::nullopt;
  }
  if (e.name == "__result__" || e.name == "@result") {
    found.push_back({e.offset, "iteration variable overwrites accumulator variable"});
    return std::nullopt;
  }
  return e.name;
}

expr* make_fold(expr* call, const macro& m, ast& out, issues& found) {
  auto& e = out.nodes.emplace_back();
  e.form = node::fold;
  e.fold = m.fold;
  e.offset = call->offset;
  auto first = variable(*call->args[1], m.fold, found);
  if (!first)
    return nullptr;
  e.var = *first;
  if (m.variables == 2) {
    auto second = variable(*call->args[2], m.fold, found);
    if (!second)
      return nullptr;
    if (*second == *first) {
      found.push_back({call->args[2]->offset, "duplicate variable name: " + *second});
      return nullptr;
    }
    e.var2 = *second;
  }
  e.args.push_back(call->args[0]);
  e.args.insert(e.args.end(), call->args.begin() + 1 + static_cast<std::ptrdiff_t>(m.variables),
                call->args.end());
  return &e;
}

expr* make_has(expr* call, issues& found) {
  auto* argument = call->args[0];
  if (argument->form != node::select) {
    found.push_back({argument->offset, "invalid argument to has() macro"});
    return nullptr;
  }
  argument->form = node::test;
  argument->offset = call->offset;
  return argument;
}

bool is_ident(const expr& e, std::string_view name) {
  return e.form == node::ident && e.name == name;
}

expr* make_bind(expr* call, ast& out, issues& found) {
  const auto& name = *call->args[1];
  if (name.form != node::ident) {
    found.push_back({name.offset, "cel.bind() variable names must be simple identifiers"});
    return nullptr;
  }
  auto& e = out.nodes.emplace_back();
  e.form = node::bind;
  e.offset = call->offset;
  e.var = name.name;
  e.args = {call->args[2], call->args[3]};
  return &e;
}

/// math.greatest(a, b, ...) takes any number of arguments: they become one list.
expr* make_extreme(expr* call, ast& out, issues& found) {
  if (call->args.size() < 2) {
    found.push_back({call->offset, "math." + call->name + "() requires at least one argument"});
    return nullptr;
  }
  if (call->args.size() == 2)
    return call;
  auto& list = out.nodes.emplace_back();
  list.form = node::list;
  list.offset = call->offset;
  list.args.assign(call->args.begin() + 1, call->args.end());
  list.maybe.assign(list.args.size(), false);
  call->args.resize(1);
  call->args.push_back(&list);
  return call;
}

} // namespace

expr* expand(expr* call, ast& out, issues& found) {
  if (!call->member)
    return call->name == "has" && call->args.size() == 1 ? make_has(call, found) : call;
  const auto& target = *call->args[0];
  auto count = call->args.size() - 1;
  if (is_ident(target, "cel") && call->name == "bind" && count == 3)
    return make_bind(call, out, found);
  if (is_ident(target, "math") && (call->name == "greatest" || call->name == "least"))
    return make_extreme(call, out, found);
  for (const auto& m : macros)
    if (m.name == call->name && m.arguments == count)
      return make_fold(call, m, out, found);
  return call;
}

} // namespace thespis::api::cel
