#include "api/auth/node_authorizer.hpp"

#include "api/auth/default_policy.hpp"
#include "api/auth/rules.hpp"
#include "api/generated/core_v1_persistent_volume.hpp"
#include "api/generated/core_v1_pod.hpp"
#include "api/object/typed.hpp"

#include <algorithm>

namespace thespis::api::auth {

namespace {

constexpr std::string_view user_prefix = "system:node:";

bool one_of(std::string_view x, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), x) != list.end();
}

decision allow() {
  return {verdict::allow, {}};
}

decision refuse(std::string reason) {
  return {verdict::no_opinion, std::move(reason)};
}

decision unrelated(std::string_view node) {
  return refuse("no relationship found between node '" + std::string{node} + "' and this object");
}

template <class Containers>
bool containers_use(const Containers& all, bool secrets, std::string_view name) {
  for (const auto& c : all) {
    for (const auto& e : c.env_from)
      if (secrets ? e.secret_ref && e.secret_ref->name == name
                  : e.config_map_ref && e.config_map_ref->name == name)
        return true;
    for (const auto& e : c.env)
      if (e.value_from &&
          (secrets ? e.value_from->secret_key_ref && e.value_from->secret_key_ref->name == name
                   : e.value_from->config_map_key_ref &&
                         e.value_from->config_map_key_ref->name == name))
        return true;
  }
  return false;
}

bool volume_uses(const v1::volume& v, bool secrets, std::string_view name) {
  if (secrets ? v.secret && v.secret->secret_name == name
              : v.config_map && v.config_map->name == name)
    return true;
  if (!v.projected)
    return false;
  return std::any_of(v.projected->sources.begin(), v.projected->sources.end(), [&](const auto& s) {
    return secrets ? s.secret && s.secret->name == name
                   : s.config_map && s.config_map->name == name;
  });
}

bool uses_map(const v1::pod_spec& spec, bool secrets, std::string_view name) {
  if (containers_use(spec.containers, secrets, name) ||
      containers_use(spec.init_containers, secrets, name) ||
      containers_use(spec.ephemeral_containers, secrets, name))
    return true;
  if (secrets && std::any_of(spec.image_pull_secrets.begin(), spec.image_pull_secrets.end(),
                             [&](const auto& s) { return s.name == name; }))
    return true;
  return std::any_of(spec.volumes.begin(), spec.volumes.end(),
                     [&](const auto& v) { return volume_uses(v, secrets, name); });
}

bool related(const reader& state, std::string_view node, std::string_view ns,
             std::string_view resource, std::string_view name) {
  for (const auto& pod : state.list("pods", ns).objects)
    if (pod->meta().node_name == node && pod_uses(*pod, resource, name))
      return true;
  return false;
}

decision may_read(const reader& state, std::string_view node, const access_query& q) {
  if (!one_of(q.verb, {"get", "list", "watch"}))
    return refuse("can only read resources of this type");
  if (!q.subresource.empty())
    return refuse("cannot read subresource");
  if (q.ns.empty())
    return refuse("can only read namespaced object of this type");
  if (q.name.empty())
    return refuse("No Object name found");
  return related(state, node, q.ns, q.resource, q.name) ? allow() : unrelated(node);
}

decision may_get_volume(const reader& state, std::string_view node, const access_query& q) {
  if (q.verb != "get")
    return refuse("can only get individual resources of this type");
  const auto object = state.get(v1::persistent_volume::resource_name, "", q.name);
  if (!object)
    return unrelated(node);
  const auto volume = typed<v1::persistent_volume>(*object);
  const auto* claim = volume->spec.claim_ref ? &*volume->spec.claim_ref : nullptr;
  return claim && related(state, node, claim->namespace_, "persistentvolumeclaims", claim->name)
             ? allow()
             : unrelated(node);
}

decision may_ask_for_token(const reader& state, std::string_view node, const access_query& q) {
  if (q.verb != "create" || q.subresource != "token" || q.name.empty() || q.ns.empty())
    return refuse("can only create tokens for individual service accounts");
  return related(state, node, q.ns, "serviceaccounts", q.name) ? allow() : unrelated(node);
}

decision may_keep_lease(std::string_view node, const access_query& q) {
  if (!one_of(q.verb, {"get", "create", "update", "patch", "delete"}))
    return refuse("can only get, create, update, patch, or delete a node lease");
  if (q.ns != "kube-node-lease")
    return refuse("can only access leases in the \"kube-node-lease\" system namespace");
  if (q.verb != "create" && q.name != node)
    return refuse("can only access node lease with the same name as the requesting node");
  return allow();
}

decision may_use_node(std::string_view node, const access_query& q) {
  if (q.verb == "create" && q.subresource.empty())
    return allow();
  const bool status = q.subresource == "status" && one_of(q.verb, {"get", "update", "patch"});
  const bool itself =
      q.subresource.empty() && one_of(q.verb, {"get", "list", "watch", "update", "patch"});
  if (!status && !itself)
    return refuse("cannot " + std::string{q.verb} + " nodes");
  // A list is of its own node by a field selector, which no answer of ours exceeds; its name is
  // what the question must hold.
  if (q.name == node)
    return allow();
  return refuse("node '" + std::string{node} + "' cannot read '" + std::string{q.name} +
                "', only its own Node object");
}

decision may_use_pods(const reader& state, std::string_view node, const access_query& q) {
  if (q.verb == "get" && q.subresource.empty()) {
    const auto pod = state.get("pods", q.ns, q.name);
    return pod && pod->meta().node_name == node ? allow() : unrelated(node);
  }
  // Which pods these are is judged when the write is admitted.
  const bool whole = q.subresource.empty() && one_of(q.verb, {"list", "watch", "create", "delete"});
  const bool status = q.subresource == "status" && one_of(q.verb, {"update", "patch"});
  const bool eviction = q.subresource == "eviction" && q.verb == "create";
  return whole || status || eviction ? allow() : refuse("cannot do this with pods");
}

const rule_list& node_rules() {
  static const rule_list rules = [] {
    for (const auto& r : kubernetes_policy().cluster_roles)
      if (r.metadata.name == "system:node")
        return r.rules;
    return rule_list{};
  }();
  return rules;
}

} // namespace

std::string_view node_of(const user_info& user) {
  const std::string_view name{user.name};
  if (!name.starts_with(user_prefix) || !in_group(user, nodes_group))
    return {};
  return name.substr(user_prefix.size());
}

bool pod_uses(const object& o, std::string_view resource, std::string_view name) {
  const auto pod = typed<v1::pod>(o);
  const auto& spec = pod->spec;
  if (resource == "secrets" || resource == "configmaps")
    return uses_map(spec, resource == "secrets", name);
  if (resource == "serviceaccounts")
    return spec.service_account_name == name;
  return resource == "persistentvolumeclaims" &&
         std::any_of(spec.volumes.begin(), spec.volumes.end(), [&](const auto& v) {
           return (v.persistent_volume_claim && v.persistent_volume_claim->claim_name == name) ||
                  (v.ephemeral && o.name() + "-" + v.name == name);
         });
}

decision authorize_node(const reader& state, const access_query& q) {
  const auto node = node_of(q.user);
  if (node.empty())
    return {};
  if (q.is_resource && q.group.empty()) {
    if (one_of(q.resource, {"secrets", "configmaps"}))
      return may_read(state, node, q);
    if (q.resource == "persistentvolumeclaims" && q.subresource.empty())
      return q.verb == "get" ? may_read(state, node, q)
                             : refuse("can only get individual resources of this type");
    if (q.resource == "persistentvolumes")
      return may_get_volume(state, node, q);
    if (q.resource == "serviceaccounts")
      return may_ask_for_token(state, node, q);
    if (q.resource == "nodes")
      return may_use_node(node, q);
    if (q.resource == "pods")
      return may_use_pods(state, node, q);
  }
  if (q.is_resource && q.group == "coordination.k8s.io" && q.resource == "leases")
    return may_keep_lease(node, q);
  if (q.is_resource && q.group == "storage.k8s.io" && q.resource == "csinodes" &&
      q.verb != "create" && q.name != node)
    return refuse("can only access CSINode with the same name as the requesting node");
  for (const auto& rule : node_rules())
    if (rule_allows(rule, q))
      return allow();
  return {};
}

} // namespace thespis::api::auth
