#include "api/pipeline/resource_type.hpp"

#include <functional>
#include <unordered_map>

namespace thespis::api {

namespace {

generation_rule generation_of(std::string_view resource) {
  using enum generation_rule;
  static const std::unordered_map<std::string_view, generation_rule> rules{
      {"pods", spec},
      {"deployments.apps", spec_and_annotations},
      {"replicasets.apps", spec},
      {"statefulsets.apps", spec},
      {"daemonsets.apps", spec},
      {"replicationcontrollers", spec},
      {"jobs.batch", spec},
      {"cronjobs.batch", spec},
      {"poddisruptionbudgets.policy", spec},
      {"ingresses.networking.k8s.io", spec},
      {"networkpolicies.networking.k8s.io", spec},
      {"endpointslices.discovery.k8s.io", content},
  };
  auto it = rules.find(resource);
  return it == rules.end() ? none : it->second;
}

resource_type describe(const schema::resource_ptr& r) {
  resource_type t;
  t.schema = r;
  t.resource = r->group_resource();
  t.kind = r->kind;
  t.version = r->version;
  t.api_version = r->api_version();
  t.group_kind = r->group_kind();
  t.name_format = r->name_format.empty() ? "dns1123-subdomain" : r->name_format;
  t.namespaced = r->namespaced;
  t.has_status = r->find_subresource("status") != nullptr;
  t.fresh_status = t.has_status && t.resource != "nodes";
  t.generation = generation_of(t.resource);
  return t;
}

struct string_hash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
};
using type_map = std::unordered_map<std::string, resource_type, string_hash, std::equal_to<>>;

} // namespace

const resource_type* find_resource_type(std::string_view resource) {
  static const auto types = [] {
    type_map m;
    const auto& registry = schema::registry::builtin();
    for (const auto& r : registry.resources())
      if (auto preferred = registry.find_group_resource(r->group_resource()); preferred && r->type)
        m.try_emplace(r->group_resource(), describe(preferred));
    return m;
  }();
  auto it = types.find(resource);
  return it == types.end() ? nullptr : &it->second;
}

} // namespace thespis::api
