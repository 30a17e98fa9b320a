#include "actors/controllers/endpoint_slice_mirroring.hpp"

#include "actors/controllers/endpoint_slice.hpp"
#include "actors/controllers/pods_of.hpp"
#include "api/generated/core_v1_service.hpp"
#include "api/generated/discovery_v1.hpp"
#include "api/text/cidr.hpp"

#include <algorithm>
#include <map>

namespace thespis::actors {

namespace {

namespace v1 = api::v1;

constexpr size_t max_mirrored = 1000;
constexpr std::string_view manager_label = "endpoints.kubernetes.io/managed-by";
constexpr std::string_view leader_annotation = "control-plane.alpha.kubernetes.io/leader";

key_mapper endpoints_of_slice() {
  return [](const api::object& o, const api::object_ptr&, const view&) {
    std::vector<object_id> res;
    const auto* manager = api::find_label(o.labels(), slice_manager_label);
    const auto* service = api::find_label(o.labels(), service_name_label);
    if (manager && *manager == slice_mirror && service)
      res.push_back({o.ns(), *service});
    return res;
  };
}

/// Endpoints in the words of slices: by family, then by ports.
struct mirrored {
  std::string family;
  std::vector<v1::slice_port> ports;
  std::vector<v1::slice_endpoint> endpoints;
};

std::vector<v1::slice_port> ports_of(const v1::endpoint_subset& subset) {
  std::vector<v1::slice_port> res;
  for (const auto& p : subset.ports)
    res.push_back({p.name, p.protocol, p.port, p.app_protocol});
  return res;
}

void add_addresses(const v1::endpoint_subset& subset, bool ready, std::vector<mirrored>& out) {
  for (const auto& a : ready ? subset.addresses : subset.not_ready_addresses) {
    const auto ip = api::parse_ip(a.ip);
    if (!ip)
      continue;
    const std::string family = ip->is_v4() ? "IPv4" : "IPv6";
    const auto ports = ports_of(subset);
    auto group = std::find_if(out.begin(), out.end(), [&](const auto& m) {
      return m.family == family && m.ports == ports;
    });
    if (group == out.end())
      group = out.insert(out.end(), {family, ports, {}});
    if (group->endpoints.size() == max_mirrored)
      continue;
    auto& e = group->endpoints.emplace_back();
    e.addresses = {a.ip};
    e.conditions.ensure().ready = ready;
    e.hostname = a.hostname;
    e.node_name = a.node_name;
    e.target_ref = a.target_ref;
  }
}

std::vector<mirrored> groups_of(const v1::endpoints& from) {
  std::vector<mirrored> res;
  for (const auto& subset : from.subsets)
    for (const bool ready : {true, false})
      add_addresses(subset, ready, res);
  return res;
}

/// What is the same in all slices of these Endpoints.
v1::endpoint_slice blank_slice(const v1::endpoints& from) {
  v1::endpoint_slice res;
  res.metadata.namespace_ = from.metadata.namespace_;
  res.metadata.generate_name = from.metadata.name + "-";
  res.metadata.labels = from.metadata.labels;
  res.metadata.labels.erase(std::string{manager_label});
  res.metadata.labels[std::string{service_name_label}] = from.metadata.name;
  res.metadata.labels[std::string{slice_manager_label}] = slice_mirror;
  res.metadata.annotations = from.metadata.annotations;
  for (const char* theirs : {"kubectl.kubernetes.io/last-applied-configuration",
                             "endpoints.kubernetes.io/last-change-trigger-time"})
    res.metadata.annotations.erase(theirs);
  res.metadata.owner_references = {controller_reference(from)};
  return res;
}

class endpoint_slice_mirroring final : public reconciler {
public:
  std::string_view name() const override { return "endpointslicemirroring"; }

  std::vector<watch_spec> watches() const override {
    return {{"endpoints", self_key()},
            {"services", self_key()},
            {"endpointslices.discovery.k8s.io", endpoints_of_slice()}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time) override {
    reconcile_result res;
    auto present = slices_of(key, v);
    const auto from = v.get<v1::endpoints>(key.ns, key.name);
    if (!wanted(key, from, v)) {
      for (const auto& s : present)
        res.calls.push_back(delete_call(*s.object));
      return res;
    }
    for (auto& group : groups_of(*from)) {
      auto next = blank_slice(*from);
      next.address_type = group.family;
      next.ports = std::move(group.ports);
      next.endpoints = std::move(group.endpoints);
      write(next, present, res.calls);
    }
    for (const auto& s : present)
      res.calls.push_back(delete_call(*s.object));
    return res;
  }

private:
  static bool wanted(const object_id& key, const observed<v1::endpoints>& from, const view& v) {
    if (!from || from.object->meta().deleting)
      return false;
    const auto* skip = api::find_label(from.object->labels(), skip_mirror_label);
    if ((skip && *skip == "true") ||
        from->metadata.annotations.count(std::string{leader_annotation}))
      return false;
    const auto service = v.get<v1::service>(key.ns, key.name);
    return service && service->spec.selector.empty();
  }

  static std::vector<observed<v1::endpoint_slice>> slices_of(const object_id& key, const view& v) {
    auto all = v.list<v1::endpoint_slice>(key.ns);
    std::erase_if(all, [&](const auto& s) {
      const auto* manager = api::find_label(s.object->labels(), slice_manager_label);
      const auto* service = api::find_label(s.object->labels(), service_name_label);
      return !manager || *manager != slice_mirror || !service || *service != key.name ||
             s.object->meta().deleting;
    });
    return all;
  }

  /// Writes a slice over the one of the same ports, which it takes out of `present`.
  static void write(v1::endpoint_slice& next, std::vector<observed<v1::endpoint_slice>>& present,
                    std::vector<api::call>& calls) {
    const auto old = std::find_if(present.begin(), present.end(), [&](const auto& s) {
      return s->address_type == next.address_type && s->ports == next.ports;
    });
    if (old == present.end()) {
      calls.push_back(create_call(next));
      return;
    }
    auto changed = **old;
    changed.endpoints = std::move(next.endpoints);
    changed.metadata.labels = std::move(next.metadata.labels);
    changed.metadata.annotations = std::move(next.metadata.annotations);
    changed.metadata.owner_references = std::move(next.metadata.owner_references);
    if (!(changed == **old))
      calls.push_back(update_call(changed));
    present.erase(old);
  }
};

} // namespace

std::unique_ptr<reconciler> make_endpoint_slice_mirroring() {
  return std::make_unique<endpoint_slice_mirroring>();
}

} // namespace thespis::actors
