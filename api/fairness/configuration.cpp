#include "api/fairness/configuration.hpp"

#include <algorithm>

namespace thespis::api::fairness {

namespace {

constexpr std::string_view all = "*";

bool has(const std::vector<std::string>& list, std::string_view what) {
  return std::any_of(list.begin(), list.end(),
                     [&](const auto& x) { return x == all || x == what; });
}

bool is_subject(const v1::flow_subject& s, const user_info& user) {
  if (s.kind == "User")
    return s.user && (s.user->name == all || s.user->name == user.name);
  if (s.kind == "Group")
    return s.group && (s.group->name == all || auth::in_group(user, s.group->name));
  if (s.kind != "ServiceAccount" || !s.service_account)
    return false;
  const auto account = auth::read_service_account(user.name);
  return account && account.ns == s.service_account->namespace_ &&
         (s.service_account->name == all || s.service_account->name == account.name);
}

bool has_resource(const std::vector<std::string>& list, const auth::access_query& q) {
  return std::any_of(list.begin(), list.end(), [&](std::string_view x) {
    if (x == all)
      return true;
    if (q.subresource.empty())
      return x == q.resource;
    return x.size() == q.resource.size() + 1 + q.subresource.size() && x.starts_with(q.resource) &&
           x[q.resource.size()] == '/' && x.ends_with(q.subresource);
  });
}

bool covers(const v1::resource_policy_rule& r, const auth::access_query& q) {
  if (!has(r.verbs, q.verb) || !has(r.api_groups, q.group) || !has_resource(r.resources, q))
    return false;
  return q.ns.empty() ? r.cluster_scope.value_or(false) : has(r.namespaces, q.ns);
}

bool covers(const v1::non_resource_policy_rule& r, const auth::access_query& q) {
  if (!has(r.verbs, q.verb))
    return false;
  return std::any_of(r.non_resource_urls.begin(), r.non_resource_urls.end(),
                     [&](std::string_view url) {
                       if (url == all || url == q.path)
                         return true;
                       // A trailing "/*" stands for everything below.
                       return url.size() > 1 && url.ends_with("/*") &&
                              q.path.starts_with(url.substr(0, url.size() - 1));
                     });
}

bool covers(const v1::policy_rules_with_subjects& r, const auth::access_query& q) {
  if (!std::any_of(r.subjects.begin(), r.subjects.end(),
                   [&](const auto& s) { return is_subject(s, q.user); }))
    return false;
  auto covers_it = [&](const auto& rule) { return covers(rule, q); };
  return q.is_resource
             ? std::any_of(r.resource_rules.begin(), r.resource_rules.end(), covers_it)
             : std::any_of(r.non_resource_rules.begin(), r.non_resource_rules.end(), covers_it);
}

} // namespace

bool matches(const v1::flow_schema_spec& s, const auth::access_query& q) {
  return std::any_of(s.rules.begin(), s.rules.end(), [&](const auto& r) { return covers(r, q); });
}

std::string_view distinguisher(const v1::flow_schema_spec& s, const auth::access_query& q) {
  if (!s.distinguisher_method)
    return {};
  return s.distinguisher_method->type == "ByNamespace" ? q.ns : std::string_view{q.user.name};
}

} // namespace thespis::api::fairness
