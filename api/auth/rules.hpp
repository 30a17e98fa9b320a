// What one RBAC rule allows, and whether rules cover others. The rules of Kubernetes' RBAC.
#pragma once

#include "api/auth/access.hpp"
#include "api/generated/rbac_v1.hpp"

#include <string>
#include <vector>

namespace thespis::api::auth {

using rule_list = std::vector<v1::policy_rule>;

/// Whether the rule allows what is asked. The namespace is not the rule's business.
bool rule_allows(const v1::policy_rule& rule, const access_query& q);

/// Whether everything that `wanted` allows is allowed by `held`; the smallest parts of `wanted`
/// that are not are appended to `missing`, unless it is null.
bool rules_cover(const std::vector<const v1::policy_rule*>& held, const rule_list& wanted,
                 rule_list* missing);

/// Rules about one single resource are joined, as `{..., Verbs:["get" "list"]}`; others stay.
rule_list compact_rules(const rule_list& rules);

/// A rule in messages: `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`.
std::string describe_rule(const v1::policy_rule& rule);

/// A list of strings in messages: `["a" "b"]`.
std::string quote_list(const std::vector<std::string>& list);

/// Everything there is: what only cluster administrators hold.
const rule_list& full_authority();

} // namespace thespis::api::auth
