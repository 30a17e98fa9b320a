// What nodes may do beyond what RBAC gives them: what the pods on them need, and nothing of others.
#pragma once

#include "api/auth/access.hpp"
#include "api/object/object.hpp"
#include "api/pipeline/reader.hpp"

#include <string_view>

namespace thespis::api::auth {

/// The node that a user of the group system:nodes is ("system:node:NAME"); empty for others.
std::string_view node_of(const user_info& user);

/// Decides for nodes; no opinion about anybody else. Kubernetes' node authorizer, with the
/// cluster's pods searched namespace by namespace in place of its graph.
decision authorize_node(const reader& state, const access_query& q);

/// What of the namespace a pod needs its node to read.
bool pod_uses(const object& pod, std::string_view resource, std::string_view name);

} // namespace thespis::api::auth
