#include "api/admission/policies/policy.hpp"

#include "api/admission/selectors.hpp"
#include "api/validation/access.hpp"

#include <algorithm>

namespace thespis::api::admission {

namespace {

std::vector<match_resources::rule> read_rules(const json::value& v, std::string_view key) {
  std::vector<match_resources::rule> out;
  if (const auto& list = member(v, key); list.IsArray())
    for (const auto& r : list.GetArray()) {
      auto& made = out.emplace_back();
      made.what = read_rule(r);
      if (const auto& names = member(r, "resourceNames"); names.IsArray())
        for (const auto& n : names.GetArray())
          made.names.emplace_back(json::as_string(n));
    }
  return out;
}

match_resources read_match(const json::value& v) {
  match_resources m;
  m.rules = read_rules(v, "resourceRules");
  m.excluded = read_rules(v, "excludeResourceRules");
  m.equivalent = text(v, "matchPolicy") != "Exact";
  // A selector left out selects everything.
  for (auto [key, into] :
       {std::pair{"namespaceSelector", &m.namespaces}, std::pair{"objectSelector", &m.objects}})
    if (const auto& s = member(v, key); !s.IsNull())
      *into = read_label_selector(&s).value_or(label_selector::nothing());
  return m;
}

template <class F>
void each_of(const json::value& v, std::string_view key, F f) {
  if (const auto& list = member(v, key); list.IsArray())
    for (const auto& item : list.GetArray())
      f(item);
}

} // namespace

bool match_resources::rule::matches(const request& r, const resource_type& as) const {
  if (!what.matches(r, as))
    return false;
  return names.empty() || std::find(names.begin(), names.end(), r.name) != names.end();
}

rule_match match_resources::match(const request& r, const equivalents& others) const {
  const auto hits = [](const rule& one, const request& q, const resource_type& as) {
    return one.matches(q, as);
  };
  const auto* also = equivalent ? &others : nullptr;
  if (!selects(r) || match_rules(excluded, r, also, hits).holds)
    return {};
  return any_resource && rules.empty() ? rule_match{true, nullptr}
                                       : match_rules(rules, r, also, hits);
}

bool match_resources::selects(const request& r) const {
  if (!namespaces.matches_everything())
    if (auto labels = namespace_labels(r); labels && !namespaces.matches(*labels))
      return false;
  return objects.matches_everything() || objects.matches(labels_of(r.object)) ||
         (r.old_object != nullptr && objects.matches(labels_of(r.old_object)));
}

policy read_policy(const json::value& doc) {
  policy p;
  const auto& spec = member(doc, "spec");
  p.name = text(member(doc, "metadata"), "name");
  p.fail_open = text(spec, "failurePolicy") == "Ignore";
  p.reinvoke = text(spec, "reinvocationPolicy") == "IfNeeded";
  p.param_api_version = text(member(spec, "paramKind"), "apiVersion");
  p.param_kind = text(member(spec, "paramKind"), "kind");
  p.match = read_match(member(spec, "matchConstraints"));
  expression_compiler compiler{{!p.param_kind.empty(), has(spec, "mutations")}};
  each_of(spec, "variables", [&](const json::value& v) {
    p.variables.push_back(
        compiler.add_variable(std::string{text(v, "name")}, std::string{text(v, "expression")}));
  });
  each_of(spec, "matchConditions", [&](const json::value& v) {
    p.conditions.push_back(
        compiler.compile(std::string{text(v, "expression")}, std::string{text(v, "name")}));
  });
  each_of(spec, "auditAnnotations", [&](const json::value& v) {
    p.audits.push_back(
        compiler.compile(std::string{text(v, "valueExpression")}, std::string{text(v, "key")}));
  });
  each_of(spec, "validations", [&](const json::value& v) {
    auto& c = p.checks.emplace_back();
    c.condition = compiler.compile(std::string{text(v, "expression")});
    c.message = text(v, "message");
    c.reason = text(v, "reason");
    if (auto describe = text(v, "messageExpression"); !describe.empty())
      c.message_expression = compiler.compile(std::string{describe});
  });
  each_of(spec, "mutations", [&](const json::value& v) {
    auto& m = p.mutations.emplace_back();
    m.apply = text(v, "patchType") == "ApplyConfiguration";
    const auto& held = member(v, m.apply ? "applyConfiguration" : "jsonPatch");
    m.make = compiler.compile(std::string{text(held, "expression")});
  });
  return p;
}

policy_binding read_binding(const json::value& doc) {
  policy_binding b;
  const auto& spec = member(doc, "spec");
  b.name = text(member(doc, "metadata"), "name");
  b.policy = text(spec, "policyName");
  b.match = read_match(member(spec, "matchResources"));
  b.match.any_resource = true;
  if (const auto& ref = member(spec, "paramRef"); ref.IsObject()) {
    b.has_param_ref = true;
    b.param_name = text(ref, "name");
    b.param_ns = text(ref, "namespace");
    b.deny_without_params = text(ref, "parameterNotFoundAction") != "Allow";
    if (const auto& s = member(ref, "selector"); s.IsObject())
      b.param_selector = read_label_selector(&s).value_or(label_selector::nothing());
  }
  each_of(spec, "validationActions", [&](const json::value& v) {
    auto action = json::as_string(v);
    b.deny = b.deny || action == "Deny";
    b.warn = b.warn || action == "Warn";
    b.audit = b.audit || action == "Audit";
  });
  return b;
}

policy_list policy_source::get(const reader& state) const {
  auto policies = state.list(policies_).objects;
  if (policies.empty())
    return nullptr;
  auto bindings = state.list(bindings_).objects;
  const std::lock_guard lock{mutex_};
  if (list_ && policies == known_ && bindings == known_bindings_)
    return list_;
  auto all = std::make_shared<std::vector<bound_policy>>();
  for (const auto& o : policies)
    all->push_back({read_policy(o->parse()), {}});
  for (const auto& o : bindings) {
    auto b = read_binding(o->parse());
    for (auto& p : *all)
      if (p.what.name == b.policy)
        p.bindings.push_back(b);
  }
  known_ = std::move(policies);
  known_bindings_ = std::move(bindings);
  list_ = std::move(all);
  return list_;
}

result<std::vector<object_ptr>> find_params(const policy& p, const policy_binding& b,
                                            const request& r, const schema::registry& schemas) {
  if (p.param_kind.empty() || !b.has_param_ref)
    return std::vector<object_ptr>{nullptr};
  auto slash = p.param_api_version.find('/');
  auto group = slash == std::string::npos ? std::string{} : p.param_api_version.substr(0, slash);
  auto version =
      slash == std::string::npos ? p.param_api_version : p.param_api_version.substr(slash + 1);
  auto found = schemas.find_kind(group, version, p.param_kind);
  if (!found)
    return fail(bad_request("failed to find resource referenced by paramKind: '" +
                            p.param_api_version + ", Kind=" + p.param_kind + "'"));
  auto ns = b.param_ns;
  if (!found->namespaced && !ns.empty())
    return fail(
        bad_request("paramRef.namespace must not be provided for a cluster-scoped `paramKind`"));
  if (found->namespaced && ns.empty()) {
    if (r.ns.empty() || !r.type.namespaced)
      return fail(bad_request("cannot use namespaced paramRef in policy binding that matches "
                              "cluster-scoped resources"));
    ns = r.ns;
  }
  std::vector<object_ptr> out;
  auto stored = found->stored_resource();
  if (b.param_selector) {
    for (const auto& o : r.state.list(stored, ns).objects)
      if (b.param_selector->matches(o->labels()))
        out.push_back(o);
  } else if (auto one = r.state.get(stored, ns, b.param_name)) {
    out.push_back(std::move(one));
  }
  if (out.empty() && b.deny_without_params)
    return fail(
        bad_request("no params found for policy binding with `Deny` parameterNotFoundAction"));
  return out;
}

bool is_policy_resource(const request& r) {
  return r.type.schema->group == "admissionregistration.k8s.io";
}

std::optional<std::string> shown_message(const cel::value& v) {
  constexpr size_t longest = 5 * 1024;
  if (!v.is(cel::kind::string))
    return std::nullopt;
  constexpr std::string_view space = " \t\r\n\v\f";
  auto s = v.str();
  auto from = s.find_first_not_of(space);
  if (from == std::string_view::npos)
    return std::nullopt;
  s = s.substr(from, s.find_last_not_of(space) - from + 1);
  if (s.size() > longest || s.find('\n') != std::string_view::npos)
    return std::nullopt;
  return std::string{s};
}

} // namespace thespis::api::admission
