#include "actors/controllers/endpoint_slice.hpp"

#include "actors/controllers/service_pods.hpp"
#include "actors/controllers/topology_hints.hpp"
#include "api/generated/core_v1_node.hpp"
#include "api/generated/discovery_v1.hpp"
#include "api/text/cidr.hpp"
#include "api/text/quantity.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace thespis::actors {

namespace {

using api::v1::endpoint_slice;
using api::v1::slice_endpoint;
using api::v1::slice_port;
using observed_slice = observed<endpoint_slice>;

/// The endpoints that share the numbers of all ports.
struct port_group {
  std::vector<slice_port> ports;
  std::vector<slice_endpoint> endpoints;
};

const std::string* label_of(const api::object& o, std::string_view key) {
  return api::find_label(o.labels(), key);
}

bool is_ours(const api::object& o) {
  const auto* manager = label_of(o, slice_manager_label);
  return manager && *manager == slice_manager;
}

key_mapper service_of_slice() {
  return [](const api::object& o, const api::object_ptr& previous, const view&) {
    std::vector<object_id> res;
    const auto add = [&](const api::object& from) {
      const auto* service = label_of(from, service_name_label);
      if (service && is_ours(from))
        res.push_back({from.ns(), *service});
    };
    add(o);
    if (previous && previous->labels() != o.labels())
      add(*previous);
    return res;
  };
}

std::vector<slice_port> ports_of(const api::v1::service& s, const api::v1::pod& p) {
  std::vector<slice_port> res;
  for (const auto& port : s.spec.ports) {
    const auto number = target_port(port, p);
    if (!number)
      continue;
    slice_port sp;
    sp.name = port.name;
    sp.protocol = port.protocol;
    sp.port = *number;
    sp.app_protocol = port.app_protocol;
    res.push_back(std::move(sp));
  }
  return res;
}

std::vector<std::string> addresses_of(const api::v1::pod& p, const std::string& family) {
  std::vector<std::string> all;
  for (const auto& ip : p.status.pod_ips)
    all.push_back(ip.ip);
  if (all.empty())
    all.push_back(p.status.pod_ip);
  std::erase_if(all, [&](const auto& text) {
    const auto ip = api::parse_ip(text);
    return !ip || ip->is_v4() != (family == "IPv4");
  });
  return all;
}

/// What the zones' ready nodes have; nothing when the zone of one is unknown, for then no share is.
zone_cpus zones_of(const view& v) {
  zone_cpus res;
  for (const auto& n : v.list<api::v1::node>()) {
    const auto& conditions = n->status.conditions;
    const bool ready = std::any_of(conditions.begin(), conditions.end(), [](const auto& c) {
      return c.type == "Ready" && c.status == "True";
    });
    if (!ready || label_of(*n.object, "node-role.kubernetes.io/control-plane"))
      continue;
    const auto* zone = label_of(*n.object, "topology.kubernetes.io/zone");
    const auto cpu = n->status.allocatable.find("cpu");
    if (!zone || cpu == n->status.allocatable.end())
      return {};
    if (const auto amount = api::parse_quantity(cpu->second))
      res[*zone] += amount->milli_value();
  }
  return res;
}

/// Two endpoints that stand for the same pod.
bool same_pod(const slice_endpoint& a, const slice_endpoint& b) {
  return a.target_ref && b.target_ref && a.target_ref->uid == b.target_ref->uid;
}

class endpoint_slices final : public reconciler {
public:
  explicit endpoint_slices(const endpoint_slice_deps& deps) : deps_(deps) {}

  std::string_view name() const override { return "endpointslice"; }

  std::vector<watch_spec> watches() const override {
    return {{"services", self_key()},
            {"pods", services_of_pod()},
            {"endpointslices.discovery.k8s.io", service_of_slice()},
            {"nodes", nullptr}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override;

private:
  slice_endpoint endpoint_of(const api::v1::service& s, const observed_pod& p,
                             std::vector<std::string> addresses, const view& v) const;
  std::vector<port_group> groups_of(const observed<api::v1::service>& s, const std::string& family,
                                    const std::vector<observed_pod>& pods, const view& v) const;
  void reconcile_family(const observed<api::v1::service>& s, const std::string& family,
                        std::vector<port_group> wanted, std::vector<observed_slice> present,
                        std::vector<api::call>& calls) const;
  std::vector<endpoint_slice> refill(port_group& wanted,
                                     const std::vector<observed_slice*>& present,
                                     const endpoint_slice& blank) const;

  const endpoint_slice_deps deps_;
};

std::vector<observed_slice> slices_of(const object_id& service, const view& v) {
  std::vector<observed_slice> res;
  for (auto& s : v.list<endpoint_slice>(service.ns)) {
    const auto* owner = label_of(*s.object, service_name_label);
    if (owner && *owner == service.name && is_ours(*s.object) && !s.object->meta().deleting)
      res.push_back(std::move(s));
  }
  return res;
}

reconcile_result endpoint_slices::reconcile(const object_id& key, const view& v, wall_time) {
  reconcile_result res;
  auto present = slices_of(key, v);
  const auto service = v.get<api::v1::service>(key.ns, key.name);
  if (!service) {
    for (const auto& s : present)
      res.calls.push_back(delete_call(*s.object));
    return res;
  }
  if (!finds_pods(*service) || service.object->meta().deleting)
    return res;
  const auto pods = pods_behind(service, v, true);
  auto families = service->spec.ip_families;
  if (families.empty())
    families.push_back("IPv4");
  for (const auto& family : families) {
    std::vector<observed_slice> of_family;
    for (const auto& s : present)
      if (s->address_type == family)
        of_family.push_back(s);
    auto groups = groups_of(service, family, pods, v);
    std::vector<slice_endpoint*> all;
    for (auto& g : groups)
      for (auto& e : g.endpoints)
        all.push_back(&e);
    const auto how = topology_of(*service);
    set_hints(how, how == topology::proportional ? zones_of(v) : zone_cpus{}, all);
    reconcile_family(service, family, std::move(groups), std::move(of_family), res.calls);
  }
  for (const auto& s : present)
    if (std::find(families.begin(), families.end(), s->address_type) == families.end())
      res.calls.push_back(delete_call(*s.object));
  return res;
}

slice_endpoint endpoint_slices::endpoint_of(const api::v1::service& s, const observed_pod& p,
                                            std::vector<std::string> addresses,
                                            const view& v) const {
  slice_endpoint res;
  res.addresses = std::move(addresses);
  const bool serving = is_ready(*p);
  const bool terminating = p.object->meta().deleting;
  auto& conditions = res.conditions.emplace();
  conditions.ready =
      s.spec.publish_not_ready_addresses.value_or(false) || (serving && !terminating);
  conditions.serving = serving;
  conditions.terminating = terminating;
  res.hostname = published_hostname(s, *p);
  res.node_name = p->spec.node_name;
  res.target_ref = reference_to(*p);
  if (const auto node = v.find("nodes", {}, p->spec.node_name))
    if (const auto* zone = label_of(*node, "topology.kubernetes.io/zone"))
      res.zone = *zone;
  return res;
}

std::vector<port_group> endpoint_slices::groups_of(const observed<api::v1::service>& s,
                                                   const std::string& family,
                                                   const std::vector<observed_pod>& pods,
                                                   const view& v) const {
  std::vector<port_group> res;
  for (const auto& p : pods) {
    auto addresses = addresses_of(*p, family);
    if (addresses.empty())
      continue;
    auto ports = ports_of(*s, *p);
    auto group =
        std::find_if(res.begin(), res.end(), [&](const auto& g) { return g.ports == ports; });
    if (group == res.end())
      group = res.insert(res.end(), port_group{std::move(ports), {}});
    group->endpoints.push_back(endpoint_of(*s, p, std::move(addresses), v));
  }
  // A Service that nobody is behind says so by one empty slice.
  if (res.empty())
    res.emplace_back();
  return res;
}

endpoint_slice blank_slice(const api::v1::service& s, const std::string& family) {
  endpoint_slice res;
  res.metadata.namespace_ = s.metadata.namespace_;
  res.metadata.generate_name = s.metadata.name + "-";
  res.metadata.labels = s.metadata.labels;
  res.metadata.labels.erase(std::string{headless_label});
  res.metadata.labels[std::string{service_name_label}] = s.metadata.name;
  res.metadata.labels[std::string{slice_manager_label}] = slice_manager;
  if (is_headless(s))
    res.metadata.labels[std::string{headless_label}] = "";
  res.metadata.owner_references = {controller_reference(s)};
  res.address_type = family;
  return res;
}

/// Distributes a group over its present slices: returns these, changed or not, then new ones.
std::vector<endpoint_slice> endpoint_slices::refill(port_group& wanted,
                                                    const std::vector<observed_slice*>& present,
                                                    const endpoint_slice& blank) const {
  std::vector<endpoint_slice> res;
  auto& left = wanted.endpoints;
  for (const auto* s : present) {
    auto slice = **s;
    slice.metadata.labels = blank.metadata.labels;
    slice.metadata.owner_references = blank.metadata.owner_references;
    std::vector<slice_endpoint> kept;
    for (const auto& e : slice.endpoints) {
      const auto same =
          std::find_if(left.begin(), left.end(), [&](const auto& w) { return same_pod(e, w); });
      if (same == left.end() || kept.size() == deps_.max_endpoints)
        continue;
      kept.push_back(std::move(*same));
      left.erase(same);
    }
    slice.endpoints = std::move(kept);
    res.push_back(std::move(slice));
  }
  auto next = left.begin();
  const auto fill = [&](endpoint_slice& slice) {
    for (; next != left.end() && slice.endpoints.size() < deps_.max_endpoints; ++next)
      slice.endpoints.push_back(std::move(*next));
  };
  for (auto& slice : res)
    fill(slice);
  while (next != left.end() || res.empty()) {
    auto slice = blank;
    slice.ports = wanted.ports;
    fill(slice);
    res.push_back(std::move(slice));
  }
  return res;
}

void endpoint_slices::reconcile_family(const observed<api::v1::service>& s,
                                       const std::string& family, std::vector<port_group> wanted,
                                       std::vector<observed_slice> present,
                                       std::vector<api::call>& calls) const {
  const auto blank = blank_slice(*s, family);
  std::set<const observed_slice*> used;
  for (auto& group : wanted) {
    std::vector<observed_slice*> of_group;
    for (auto& p : present)
      if (p->ports == group.ports && used.insert(&p).second)
        of_group.push_back(&p);
    const bool placeholder = group.endpoints.empty();
    const auto slices = refill(group, of_group, blank);
    for (size_t i = 0; i < slices.size(); ++i) {
      const bool exists = i < of_group.size();
      const bool needed = !slices[i].endpoints.empty() || (placeholder && i == 0);
      if (!needed)
        calls.push_back(delete_call(*of_group[i]->object));
      else if (!exists)
        calls.push_back(create_call(slices[i]));
      else if (!(slices[i] == **of_group[i]))
        calls.push_back(update_call(slices[i]));
    }
  }
  for (const auto& p : present)
    if (!used.count(&p))
      calls.push_back(delete_call(*p.object));
}

} // namespace

std::unique_ptr<reconciler> make_endpoint_slice_controller(const endpoint_slice_deps& deps) {
  return std::make_unique<endpoint_slices>(deps);
}

} // namespace thespis::actors
