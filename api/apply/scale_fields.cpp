#include "api/apply/scale_fields.hpp"

namespace thespis::api::apply {

namespace {

constexpr std::string_view scale_version = "autoscaling/v1";

const path& replicas_of_scale() {
  static const path p = fields({"spec", "replicas"});
  return p;
}

field_set only(const path& p) {
  field_set s;
  s.insert(p);
  return s;
}

/// Updates are entered under the version they were made in; the Scale has one of its own.
manager_id in_version(manager_id id, std::string_view version) {
  if (!id.applies())
    id.api_version = version;
  return id;
}

} // namespace

managers to_scale(const managers& workload, const replicas_path& where) {
  managers out;
  for (const auto& [id, owned] : workload) {
    const auto p = where(owned.api_version);
    if (!p.empty() && owned.fields.has(p))
      out[id] = {only(replicas_of_scale()), std::string(scale_version), owned.time};
  }
  return out;
}

managers from_scale(const managers& workload, managers scale, const replicas_path& where,
                    const std::string& api_version) {
  managers out;
  for (const auto& [id, owned] : workload) {
    const auto p = where(owned.api_version);
    if (p.empty())
      continue;
    if (!owned.fields.has(p)) {
      out.emplace(id, owned);
      continue;
    }
    if (scale.erase(id) > 0) {
      out.emplace(id, owned);
      continue;
    }
    auto rest = owned.fields.difference(only(p)); // another manager took the replicas
    if (!rest.empty())
      out.emplace(id, ownership{std::move(rest), owned.api_version, owned.time});
  }
  for (auto& [id, owned] : scale) {
    if (!owned.fields.has(replicas_of_scale()))
      continue;
    auto& entry = out[in_version(id, api_version)];
    entry.fields.insert(where(api_version));
    entry.api_version = api_version;
    // As in Kubernetes, a manager that comes by way of the Scale brings no time.
    const auto before = workload.find(id);
    entry.time = before == workload.end() ? std::string{} : before->second.time;
  }
  return out;
}

} // namespace thespis::api::apply
