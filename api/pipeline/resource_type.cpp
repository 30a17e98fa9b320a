#include "api/pipeline/resource_type.hpp"

#include <functional>
#include <unordered_map>

namespace thespis::api {

namespace {

generation_rule generation_of(std::string_view resource) {
  using enum generation_rule;
  static const std::unordered_map<std::string_view, generation_rule> rules{
      {"pods", spec},
      {"customresourcedefinitions.apiextensions.k8s.io", spec},
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
      {"ingressclasses.networking.k8s.io", spec},
      {"priorityclasses.scheduling.k8s.io", spec},
      {"customresourcedefinitions.apiextensions.k8s.io", spec},
      {"mutatingwebhookconfigurations.admissionregistration.k8s.io", content},
      {"validatingwebhookconfigurations.admissionregistration.k8s.io", content},
      {"validatingadmissionpolicies.admissionregistration.k8s.io", spec},
      {"validatingadmissionpolicybindings.admissionregistration.k8s.io", spec},
      {"mutatingadmissionpolicies.admissionregistration.k8s.io", spec},
      {"mutatingadmissionpolicybindings.admissionregistration.k8s.io", spec},
      {"flowschemas.flowcontrol.apiserver.k8s.io", spec},
      {"prioritylevelconfigurations.flowcontrol.apiserver.k8s.io", spec},
      {"deviceclasses.resource.k8s.io", spec},
      {"resourceslices.resource.k8s.io", spec},
  };
  auto it = rules.find(resource);
  return it == rules.end() ? none : it->second;
}

resource_type describe(const schema::resource_ptr& r) {
  resource_type t;
  t.schema = r;
  t.resource = r->group_resource();
  t.stored = r->stored_resource();
  t.kind = r->kind;
  t.version = r->version;
  t.api_version = r->api_version();
  t.group_kind = r->group_kind();
  t.name_format = r->name_format.empty() ? "dns1123-subdomain" : r->name_format;
  t.namespaced = r->namespaced;
  t.has_status = r->find_subresource("status") != nullptr;
  t.custom = r->type->custom != nullptr;
  t.fresh_status = t.has_status && t.resource != "nodes";
  if (t.custom)
    t.generation = t.has_status ? generation_rule::content : generation_rule::all;
  else
    t.generation = generation_of(t.resource);
  return t;
}

struct string_hash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
};
using type_map = std::unordered_map<std::string, resource_type_ptr, string_hash, std::equal_to<>>;

} // namespace

struct resource_types::table {
  uint64_t generation = 0;
  type_map stored; ///< by resource
  type_map served; ///< by "resource/version"
};

resource_types::resource_types(std::shared_ptr<const schema::registry> schemas)
    : schemas_(std::move(schemas)) {
  if (!schemas_)
    schemas_ = {std::shared_ptr<void>{}, &schema::registry::builtin()};
}

resource_types::~resource_types() = default;

std::shared_ptr<const resource_types::table> resource_types::current() const {
  const auto generation = schemas_->generation();
  std::lock_guard lock{mutex_};
  if (table_ && table_->generation >= generation)
    return table_;
  auto fresh = std::make_shared<table>();
  fresh->generation = generation;
  for (const auto& r : schemas_->resources()) {
    if (!r->type)
      continue;
    auto type = std::make_shared<const resource_type>(describe(r));
    fresh->served[type->resource + "/" + type->version] = type;
    // Resources come with the preferred version first; the stored one is better.
    auto& kept = fresh->stored[type->resource];
    if (!kept || (r->versions && r->versions->stored == type->api_version))
      kept = type;
  }
  table_ = fresh;
  return fresh;
}

resource_type_ptr resource_types::find(std::string_view resource, std::string_view version) const {
  const auto all = current();
  const auto look = [](const type_map& m, std::string_view key) {
    const auto i = m.find(key);
    return i == m.end() ? nullptr : i->second;
  };
  if (version.empty())
    return look(all->stored, resource);
  std::string key{resource};
  return look(all->served, key.append("/").append(version));
}

} // namespace thespis::api
