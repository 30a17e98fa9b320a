#include "api/validation/rbac.hpp"

#include "api/validation/access.hpp"
#include "api/validation/meta.hpp"

namespace thespis::api {

namespace {

constexpr std::string_view group_name = "rbac.authorization.k8s.io";

void check_rule(const json::value& rule, const path& at, bool namespaced, findings& f) {
  if (!filled(member(rule, "verbs")))
    f.required(path(at, "verbs"), "verbs must contain at least one value");
  const auto& urls = member(rule, "nonResourceURLs");
  if (filled(urls)) {
    path p(at, "nonResourceURLs");
    if (namespaced)
      f.invalid(p, urls, "namespaced rules cannot apply to non-resource URLs");
    if (filled(member(rule, "apiGroups")) || filled(member(rule, "resources")) ||
        filled(member(rule, "resourceNames")))
      f.invalid(p, urls, "rules cannot apply to both regular resources and non-resource URLs");
    return;
  }
  if (!filled(member(rule, "apiGroups")))
    f.required(path(at, "apiGroups"), "resource rules must supply at least one api group");
  if (!filled(member(rule, "resources")))
    f.required(path(at, "resources"), "resource rules must supply at least one resource");
}

void check_rules(const json::value& role, bool namespaced, findings& f) {
  const auto& rules = member(role, "rules");
  path at("rules");
  for (rapidjson::SizeType i = 0; rules.IsArray() && i < rules.Size(); ++i)
    check_rule(rules[i], path(at, i), namespaced, f);
}

void check_subject(const json::value& s, const path& at, bool namespaced, findings& f) {
  const auto kind = text(s, "kind"), name = text(s, "name"), group = text(s, "apiGroup");
  if (name.empty())
    f.required(path(at, "name"));
  if (kind == "ServiceAccount") {
    if (!name.empty())
      complain(f, path(at, "name"), name, check_dns1123_subdomain(name));
    if (!group.empty())
      f.not_supported(path(at, "apiGroup"), group, {""});
    if (!namespaced && text(s, "namespace").empty())
      f.required(path(at, "namespace"));
  } else if (kind == "User" || kind == "Group") {
    if (group != group_name)
      f.not_supported(path(at, "apiGroup"), group, {group_name});
  } else {
    f.not_supported(path(at, "kind"), kind, {"Group", "ServiceAccount", "User"});
  }
}

void check_binding(const json::value& binding, bool namespaced, findings& f) {
  const auto& ref = member(binding, "roleRef");
  path at("roleRef");
  if (const auto group = text(ref, "apiGroup"); group != group_name)
    f.not_supported(path(at, "apiGroup"), group, {group_name});
  const auto kind = text(ref, "kind");
  if (namespaced && kind != "Role" && kind != "ClusterRole")
    f.not_supported(path(at, "kind"), kind, {"ClusterRole", "Role"});
  if (!namespaced && kind != "ClusterRole")
    f.not_supported(path(at, "kind"), kind, {"ClusterRole"});
  if (const auto name = text(ref, "name"); !name.empty())
    complain(f, path(at, "name"), name, check_path_segment(name));
  const auto& subjects = member(binding, "subjects");
  path list("subjects");
  for (rapidjson::SizeType i = 0; subjects.IsArray() && i < subjects.Size(); ++i)
    check_subject(subjects[i], path(list, i), namespaced, f);
}

} // namespace

void validate_role(const json::value& role, findings& f) {
  check_rules(role, true, f);
}

void validate_cluster_role(const json::value& role, findings& f) {
  check_rules(role, false, f);
  const auto& aggregation = member(role, "aggregationRule");
  if (!aggregation.IsObject())
    return;
  path at("aggregationRule");
  if (!filled(member(aggregation, "clusterRoleSelectors")))
    f.required(path(at, "clusterRoleSelectors"),
               "at least one clusterRoleSelector required if aggregationRule is non-nil");
  each(aggregation, "clusterRoleSelectors", at,
       [&](const json::value& v, const path& p) { validate_selector(v, p, f); });
}

void validate_role_binding(const json::value& binding, findings& f) {
  check_binding(binding, true, f);
}

void validate_cluster_role_binding(const json::value& binding, findings& f) {
  check_binding(binding, false, f);
}

void validate_binding_update(const json::value& now, const json::value& old, findings& f) {
  if (!json::equal(member(now, "roleRef"), member(old, "roleRef")))
    f.invalid(path("roleRef"), member(now, "roleRef"), "cannot change roleRef");
}

} // namespace thespis::api
