#include "api/cel/cel.hpp"

#include "api/cel/cost.hpp"
#include "api/cel/objects.hpp"
#include "api/cel/plan.hpp"

namespace thespis::api::cel {

/// A program and all that it refers to.
struct compiled {
  ast tree;
  type_store types;
  operations owned;
  const operation* root = nullptr;
  size_t locals = 0;
  uint64_t max_cost = 0;
  std::vector<std::string> used;
  environment::options keep;
};

namespace {

/// Trees may be deeper than their text is nested, by chains in each level of it.
constexpr unsigned max_tree_depth = 2 * max_expression_depth;

bool too_deep(const expr& root) {
  std::vector<std::pair<const expr*, unsigned>> open{{&root, 1}};
  while (!open.empty()) {
    auto [e, depth] = open.back();
    open.pop_back();
    if (depth > max_tree_depth)
      return true;
    for (const auto* a : e->args)
      open.emplace_back(a, depth + 1);
  }
  return false;
}

/// Literals that would fail whenever they are used, as Kubernetes checks them: patterns,
/// timestamps and durations.
void check_literals(const ast& tree, issues& found) {
  evaluation run;
  for (const auto& e : tree.nodes) {
    if (e.form != node::call || e.args.empty() || e.args.back() == nullptr)
      continue;
    const auto* text = e.name == "matches" && e.args.size() == 2 ? e.args[1]
                       : (e.name == "timestamp" || e.name == "duration") && e.args.size() == 1
                           ? e.args[0]
                           : nullptr;
    if (text == nullptr || text->form != node::literal || !text->literal.is(kind::string))
      continue;
    if (e.name == "matches") {
      if (pattern_problem(text->literal.str()))
        found.push_back({text->offset, "invalid matches argument"});
      continue;
    }
    for (const auto* o : e.candidates)
      if (o->accepts(&text->literal, 1) && o->call(run, &text->literal, 1).is_error())
        found.push_back({text->offset, "invalid " + e.name + " argument"});
  }
}

} // namespace

value unset() {
  value v;
  v.form = kind::dyn;
  return v;
}

value make_authorizer(const authorizer& port, evaluation& run,
                      const authorization_request* current) {
  authorization_rep asks;
  asks.port = &port;
  asks.current = current;
  return run.authorization(kind::authorizer, asks);
}

value program::evaluate(std::span<const value> variables, evaluation& run) const {
  try {
    if (variables.size() < compiled_->keep.variable_count)
      return run.error("not all variables are given");
    frame f{run, variables, compiled_->locals == 0 ? nullptr : run.values(compiled_->locals)};
    return compiled_->root->eval(f);
  } catch (const evaluation::cancelled& c) {
    return run.error(c.why);
  }
}

const type& program::result_type() const {
  return *compiled_->tree.root->of;
}

bool program::uses(std::string_view variable) const {
  return std::find(compiled_->used.begin(), compiled_->used.end(), variable) !=
         compiled_->used.end();
}

uint64_t program::max_cost() const {
  return compiled_->max_cost;
}

environment::environment(std::vector<variable> variables)
    : environment(std::move(variables), options{}) {}

environment::environment(std::vector<variable> variables, options o)
    : variables_(std::move(variables)), options_(std::move(o)) {
  options_.variable_count = variables_.size();
}

result<program> environment::compile(std::string_view text) const {
  auto out = std::make_shared<compiled>();
  out->keep = options_;
  issues found;
  auto refuse = [&] { return fail(bad_request(describe(text, found))); };
  parse(text, out->tree, found);
  if (out->tree.root == nullptr)
    return refuse();
  if (too_deep(*out->tree.root)) {
    found.push_back(
        {0, "expression recursion limit exceeded: " + std::to_string(max_expression_depth)});
    return refuse();
  }
  out->locals = check(out->tree, {variables_, options_.mutations}, out->types, found);
  if (found.empty())
    check_literals(out->tree, found);
  if (!found.empty())
    return refuse();
  for (const auto& e : out->tree.nodes)
    if (e.form == node::ident && e.variable >= 0)
      out->used.push_back(e.name);
  out->root = plan(*out->tree.root, out->owned);
  out->max_cost = estimate_cost(*out->tree.root);
  return program{std::move(out)};
}

} // namespace thespis::api::cel
