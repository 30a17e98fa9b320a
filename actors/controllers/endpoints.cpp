#include "actors/controllers/endpoints.hpp"

#include "actors/controllers/service_pods.hpp"
#include "api/text/cidr.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

using api::v1::endpoint_address;
using api::v1::endpoint_port;
using api::v1::endpoint_subset;

/// Kubernetes cuts Endpoints off here and says so by an annotation.
constexpr size_t max_addresses = 1000;
constexpr const char* over_capacity = "endpoints.kubernetes.io/over-capacity";
constexpr const char* manager_label = "endpoints.kubernetes.io/managed-by";

/// Endpoints of a Service are news to it; those without one are their author's.
key_mapper service_of_endpoints() {
  return [](const api::object& o, const api::object_ptr&, const view& v) {
    std::vector<object_id> res;
    if (v.find("services", o.ns(), o.name()))
      res.push_back({o.ns(), o.name()});
    return res;
  };
}

std::vector<endpoint_port> ports_of(const api::v1::service& s, const api::v1::pod& p) {
  std::vector<endpoint_port> res;
  for (const auto& port : s.spec.ports)
    if (const auto number = target_port(port, p))
      res.push_back({port.name, *number, port.protocol, port.app_protocol});
  return res;
}

/// Endpoints know the Service's first family alone. Nothing when the pod has no address of it.
std::string ip_of(const api::v1::service& s, const api::v1::pod& p) {
  const bool v4 = s.spec.ip_families.empty() || s.spec.ip_families.front() == "IPv4";
  const auto fits = [v4](const std::string& text) {
    const auto ip = api::parse_ip(text);
    return ip && ip->is_v4() == v4;
  };
  for (const auto& ip : p.status.pod_ips)
    if (fits(ip.ip))
      return ip.ip;
  return fits(p.status.pod_ip) ? p.status.pod_ip : std::string{};
}

endpoint_address address_of(const api::v1::service& s, const api::v1::pod& p, std::string ip) {
  endpoint_address res;
  res.ip = std::move(ip);
  res.target_ref = reference_to(p);
  res.hostname = published_hostname(s, p);
  res.node_name = p.spec.node_name;
  return res;
}

/// Keeps the first `max_addresses`, ready ones before others. Returns whether it had to cut.
bool cut(std::vector<endpoint_subset>& subsets) {
  size_t left = max_addresses;
  bool res = false;
  for (auto list : {&endpoint_subset::addresses, &endpoint_subset::not_ready_addresses}) {
    for (auto& subset : subsets) {
      auto& all = subset.*list;
      if (all.size() > left) {
        all.resize(left);
        res = true;
      }
      left -= all.size();
    }
  }
  std::erase_if(subsets, [](const auto& subset) {
    return subset.addresses.empty() && subset.not_ready_addresses.empty();
  });
  return res;
}

std::vector<endpoint_subset> subsets_of(const observed<api::v1::service>& s, const view& v) {
  const bool publish_all = s->spec.publish_not_ready_addresses.value_or(false);
  std::vector<endpoint_subset> res;
  for (const auto& p : pods_behind(s, v, publish_all)) {
    auto ports = ports_of(*s, *p);
    auto ip = ip_of(*s, *p);
    if (ip.empty() || (ports.empty() && !s->spec.ports.empty()))
      continue;
    auto subset = std::find_if(res.begin(), res.end(),
                               [&](const auto& known) { return known.ports == ports; });
    if (subset == res.end()) {
      subset = res.insert(res.end(), endpoint_subset{});
      subset->ports = std::move(ports);
    }
    auto& list = publish_all || is_ready(*p) ? subset->addresses : subset->not_ready_addresses;
    list.push_back(address_of(*s, *p, std::move(ip)));
  }
  const auto by_ip = [](const auto& a, const auto& b) { return a.ip < b.ip; };
  for (auto& subset : res) {
    std::sort(subset.addresses.begin(), subset.addresses.end(), by_ip);
    std::sort(subset.not_ready_addresses.begin(), subset.not_ready_addresses.end(), by_ip);
  }
  return res;
}

class endpoints_controller final : public reconciler {
public:
  std::string_view name() const override { return "endpoints"; }

  std::vector<watch_spec> watches() const override {
    return {{"services", self_key()},
            {"pods", services_of_pod()},
            {"endpoints", service_of_endpoints()}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time) override {
    reconcile_result res;
    const auto service = v.get<api::v1::service>(key.ns, key.name);
    const auto present = v.get<api::v1::endpoints>(key.ns, key.name);
    if (!service) {
      if (present && !present.object->meta().deleting)
        res.calls.push_back(delete_call(*present.object));
      return res;
    }
    if (!finds_pods(*service) || service.object->meta().deleting)
      return res;
    auto wanted = present ? *present : api::v1::endpoints{};
    wanted.metadata.namespace_ = key.ns;
    wanted.metadata.name = key.name;
    wanted.metadata.labels = service->metadata.labels;
    wanted.metadata.labels[manager_label] = "endpoint-controller";
    wanted.metadata.labels.erase(std::string{headless_label});
    if (is_headless(*service))
      wanted.metadata.labels[std::string{headless_label}] = "";
    wanted.subsets = subsets_of(service, v);
    if (cut(wanted.subsets))
      wanted.metadata.annotations[over_capacity] = "truncated";
    else
      wanted.metadata.annotations.erase(over_capacity);
    if (!present)
      res.calls.push_back(create_call(wanted));
    else if (!(wanted == *present))
      res.calls.push_back(update_call(wanted));
    return res;
  }
};

} // namespace

std::unique_ptr<reconciler> make_endpoints_controller() {
  return std::make_unique<endpoints_controller>();
}

} // namespace thespis::actors
