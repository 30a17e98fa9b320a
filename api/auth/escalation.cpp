#include "api/auth/escalation.hpp"

#include "api/object/typed.hpp"
#include "api/text/quote.hpp"

#include <set>

namespace thespis::api::auth {

namespace {

/// Why the user may not hand out `rules`; empty when they may.
std::string lacks(const grant_request& r, const rule_list& rules) {
  const auto held = r.access.rules_of(r.user, r.ns);
  rule_list missing;
  if (rules_cover(held.rules, rules, &missing))
    return {};
  std::set<std::string> lines;
  for (const auto& rule : compact_rules(missing))
    lines.insert(describe_rule(rule));
  auto text = "user " + quote_go(r.user.name) + " (groups=" + quote_list(r.user.groups) +
              ") is attempting to grant RBAC permissions not currently held:";
  for (const auto& line : lines)
    text += "\n" + line;
  if (held.problems.empty())
    return text;
  text += "; resolution errors: [";
  for (size_t i = 0; i < held.problems.size(); ++i)
    text += (i == 0 ? "" : " ") + held.problems[i];
  return text + "]";
}

/// Whether an update only lets the garbage collector do its work: owners and finalizers.
bool only_collects(const grant_request& r) {
  if (!r.old)
    return false;
  json::document a, b;
  auto strip = [](json::document& doc, const json::value& from) {
    static_cast<json::value&>(doc) = json::copy(from, doc.GetAllocator());
    if (auto* m = json::find(static_cast<json::value&>(doc), "metadata"))
      for (const char* key :
           {"ownerReferences", "finalizers", "managedFields", "resourceVersion", "generation"})
        json::erase(*m, key);
  };
  strip(a, r.object);
  strip(b, *r.old);
  return json::equal(a, b);
}

bool may(const grant_request& r, std::string_view verb, std::string_view resource,
         std::string_view name) {
  return r.access.authorize({r.user, true, verb, rbac_group, "*", r.ns, resource, "", name, ""})
      .allowed();
}

error refused(const grant_request& r, std::string_view why) {
  const auto* name = json::at(r.object, {"metadata", "name"});
  return forbidden(r.resource, name ? json::as_string(*name) : "", why);
}

rules_ptr rules_of(const reader& state, std::string_view ns, const v1::role_ref& ref) {
  if (ref.kind == "Role") {
    if (const auto o = state.get(v1::role::resource_name, ns, ref.name)) {
      const auto role = typed<v1::role>(*o);
      return {role, &role->rules};
    }
  } else if (const auto o = state.get(v1::cluster_role::resource_name, "", ref.name)) {
    const auto role = typed<v1::cluster_role>(*o);
    return {role, &role->rules};
  }
  return nullptr;
}

bool same_member(const json::value& a, const json::value* b, std::string_view key) {
  const auto* x = json::find(a, key);
  const auto* y = b ? json::find(*b, key) : nullptr;
  return x && y ? json::equal(*x, *y) : !x && !y;
}

} // namespace

result<void> check_role(const grant_request& r) {
  const auto plural = r.resource.substr(0, r.resource.find('.'));
  if (in_group(r.user, masters_group) || may(r, "escalate", plural, r.name) || only_collects(r))
    return {};
  v1::cluster_role role; // a Role is one without aggregation
  v1::decode(r.object, role);
  if (const auto why = lacks(r, role.rules); !why.empty())
    return fail(refused(r, why));
  const bool aggregates =
      role.aggregation_rule || (r.old && json::find(*r.old, "aggregationRule") != nullptr);
  if (plural == "clusterroles" && aggregates && !same_member(r.object, r.old, "aggregationRule") &&
      !lacks(r, full_authority()).empty())
    return fail(refused(r, "must have cluster-admin privileges to use an aggregationRule"));
  return {};
}

result<void> check_binding(const grant_request& r) {
  if (in_group(r.user, masters_group) || only_collects(r))
    return {};
  v1::role_binding b;
  v1::decode(r.object, b);
  if (may(r, "bind", b.role_ref.kind == "Role" ? "roles" : "clusterroles", b.role_ref.name))
    return {};
  const auto rules = rules_of(r.state, r.ns, b.role_ref);
  if (!rules) {
    std::string resource = b.role_ref.kind == "Role" ? "roles." : "clusterroles.";
    return fail(not_found(resource.append(rbac_group), b.role_ref.name));
  }
  if (const auto why = lacks(r, *rules); !why.empty())
    return fail(refused(r, why));
  return {};
}

} // namespace thespis::api::auth
