#include "tools/cluster/cluster_info.hpp"

#include "actors/framework/reconciler.hpp"
#include "api/generated/core_v1_config.hpp"
#include "api/generated/rbac_v1.hpp"
#include "api/text/base64.hpp"

#include <spdlog/spdlog.h>

namespace thespis::tools {

namespace {

namespace v1 = api::v1;

constexpr const char* name = "cluster-info";
constexpr const char* ns = "kube-public";
constexpr const char* role_name = "kubeadm:bootstrap-signer-clusterinfo";
constexpr const char* rbac = "rbac.authorization.k8s.io";

v1::role reader_role() {
  v1::role r;
  r.metadata.name = role_name;
  r.metadata.namespace_ = ns;
  auto& rule = r.rules.emplace_back();
  rule.verbs = {"get"};
  rule.api_groups = {""};
  rule.resources = {"configmaps"};
  rule.resource_names = {name};
  return r;
}

v1::role_binding everybody() {
  v1::role_binding b;
  b.metadata.name = role_name;
  b.metadata.namespace_ = ns;
  b.role_ref.api_group = rbac;
  b.role_ref.kind = "Role";
  b.role_ref.name = role_name;
  auto& s = b.subjects.emplace_back();
  s.kind = "User";
  s.api_group = rbac;
  s.name = "system:anonymous";
  return b;
}

} // namespace

void publish_cluster_info(cluster& c, const std::string& ca, const std::string& server) {
  const auto kubeconfig =
      "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: " +
      api::encode_base64(ca) + "\n    server: " + server +
      "\n  name: \"\"\ncontexts: null\ncurrent-context: \"\"\nkind: Config\n"
      "preferences: {}\nusers: null\n";
  std::vector<api::call> calls;
  const auto known = c.state()->get("configmaps", ns, name);
  v1::config_map map;
  if (known)
    map = *api::typed<v1::config_map>(*known);
  map.metadata.name = name;
  map.metadata.namespace_ = ns;
  if (!known || map.data["kubeconfig"] != kubeconfig) {
    map.data["kubeconfig"] = kubeconfig;
    calls.push_back(known ? actors::update_call(map) : actors::create_call(map));
  }
  // They are made with the cluster and not again: who takes this right away keeps it so.
  if (!known) {
    calls.push_back(actors::create_call(reader_role()));
    calls.push_back(actors::create_call(everybody()));
  }
  for (const auto& o : c.run(std::move(calls)).outcomes)
    if (!o.ok && o.failure.why != api::reason::already_exists)
      spdlog::error("cannot tell where the cluster is: {}", o.failure.message);
}

} // namespace thespis::tools
