// Nobody grants rights that they do not hold: what must be true of a user who writes roles and
// bindings. Members of system:masters, and those with the verbs `escalate` (on roles) and `bind`
// (on bindings) may.
#pragma once

#include "api/auth/policy.hpp"
#include "api/json.hpp"
#include "api/result.hpp"

namespace thespis::api::auth {

/// A write of a role or a binding.
struct grant_request {
  const policy& access;
  const reader& state;
  const user_info& user;
  std::string_view resource; ///< group resource
  std::string_view ns;       ///< empty at the cluster scope
  std::string_view name;     ///< that the request names; empty for a creation
  const json::value& object; ///< as it is to be
  const json::value* old;    ///< as it was; null for a creation
};

/// Of Roles and ClusterRoles. Errors: forbidden, listing what the user lacks.
result<void> check_role(const grant_request& r);

/// Of RoleBindings and ClusterRoleBindings. Errors: forbidden; not_found for a missing role.
result<void> check_binding(const grant_request& r);

} // namespace thespis::api::auth
