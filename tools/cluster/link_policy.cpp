#include "tools/cluster/link_policy.hpp"

#include "actors/framework/reconciler.hpp"
#include "api/generated/rbac_v1.hpp"

#include <spdlog/spdlog.h>

namespace thespis::tools {

namespace {

namespace v1 = api::v1;

constexpr const char* rbac = "rbac.authorization.k8s.io";
constexpr const char* link_role = "thespis:link";
constexpr const char* machine_role = "thespis:machine";

v1::cluster_role link_cluster_role() {
  v1::cluster_role res;
  res.metadata.name = link_role;
  auto& rule = res.rules.emplace_back();
  rule.verbs = {"get"};
  rule.non_resource_urls = {"/thespis/v1/link"};
  return res;
}

/// What machines watch to enforce NetworkPolicies and to serve Ingresses.
v1::cluster_role machine_cluster_role() {
  v1::cluster_role res;
  res.metadata.name = machine_role;
  auto& own = res.rules.emplace_back();
  own.verbs = {"list", "watch"};
  own.api_groups = {"networking.k8s.io"};
  own.resources = {"networkpolicies", "ingresses", "ingressclasses"};
  auto& core = res.rules.emplace_back();
  core.verbs = {"list", "watch"};
  core.api_groups = {""};
  core.resources = {"namespaces"};
  return res;
}

v1::cluster_role_binding binding(std::string name, std::string role,
                                 const std::vector<std::string>& groups) {
  v1::cluster_role_binding res;
  res.metadata.name = std::move(name);
  res.role_ref.api_group = rbac;
  res.role_ref.kind = "ClusterRole";
  res.role_ref.name = std::move(role);
  for (const auto& group : groups) {
    auto& s = res.subjects.emplace_back();
    s.kind = "Group";
    s.api_group = rbac;
    s.name = group;
  }
  return res;
}

} // namespace

void ensure_link_policy(cluster& c) {
  const std::string approvals = "system:certificates.k8s.io:certificatesigningrequests:";
  std::vector<api::call> calls;
  const auto want = [&](const auto& object) {
    using type = std::decay_t<decltype(object)>;
    if (!c.state()->get(type::resource_name, {}, object.metadata.name))
      calls.push_back(actors::create_call(object));
  };
  want(link_cluster_role());
  want(machine_cluster_role());
  want(binding(machine_role, machine_role, {"system:nodes"}));
  // A user's own controller links as its service account; what it may do there is RBAC's to say.
  want(binding(link_role, link_role, {"system:nodes", "system:serviceaccounts"}));
  // A machine routes the traffic of services, as kube-proxy does.
  want(binding("thespis:node-proxier", "system:node-proxier", {"system:nodes"}));
  want(binding("thespis:join", "system:node-bootstrapper", {"system:bootstrappers"}));
  want(binding("thespis:join-approval", approvals + "nodeclient", {"system:bootstrappers"}));
  want(binding("thespis:renewal-approval", approvals + "selfnodeclient", {"system:nodes"}));
  for (const auto& o : c.run(std::move(calls)).outcomes)
    if (!o.ok && o.failure.why != api::reason::already_exists)
      spdlog::error("cannot let machines join: {}", o.failure.message);
  // The first request must not come before the rules that decide on it.
  c.access()->rebuild(*c.state());
}

} // namespace thespis::tools
