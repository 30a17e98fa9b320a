// The roles and bindings that every cluster has, and how they are kept up to date: what is missing
// is added at each start, what people added stays, and objects whose annotation
// rbac.authorization.kubernetes.io/autoupdate is "false" are left alone.
#pragma once

#include "api/auth/rbac_index.hpp"
#include "api/generated/rbac_v1.hpp"
#include "api/pipeline/call.hpp"
#include "api/pipeline/reader.hpp"

#include <string_view>
#include <vector>

namespace thespis::api::auth {

inline constexpr std::string_view autoupdate_annotation =
    "rbac.authorization.kubernetes.io/autoupdate";

/// Kubernetes' default policy.
struct default_policy {
  std::vector<v1::cluster_role> cluster_roles;
  std::vector<v1::cluster_role_binding> cluster_role_bindings;
  std::vector<v1::role> roles;
  std::vector<v1::role_binding> role_bindings;
};
const default_policy& kubernetes_policy();

/// An index of the default policy alone.
index_ptr default_index();

/// The calls that bring the cluster's roles and bindings up to the default policy; none when they
/// are. A binding that leads to another role than it should is deleted and created anew, which are
/// two calls, in this order.
std::vector<call> reconcile_policy(const reader& state);

// The policy as text, in lines. A role begins with its name (`NAMESPACE/NAME` of Roles); `<x` makes
// it an aggregate of the roles labelled aggregate-to-x, `+x` gives it that label. Its rules follow:
// `VERBS | GROUPS | RESOURCES [| NAMES]` or `VERBS | PATHS`, in any order.
std::string_view default_cluster_roles();
std::string_view default_controller_roles();
std::string_view default_roles();
std::string_view default_cluster_role_bindings();
std::string_view default_role_bindings();

} // namespace thespis::api::auth
