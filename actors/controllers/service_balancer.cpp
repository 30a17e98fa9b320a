#include "actors/controllers/service_balancer.hpp"

#include "actors/controllers/endpoint_slice.hpp"
#include "api/generated/core_v1_service.hpp"
#include "api/generated/discovery_v1.hpp"
#include "api/text/cidr.hpp"

#include <algorithm>
#include <tuple>

namespace thespis::actors {

namespace {

namespace v1 = api::v1;
using observed_service = observed<v1::service>;

bool is_ours(const v1::service& s) {
  return s.spec.type == "LoadBalancer" &&
         (s.spec.load_balancer_class.empty() || s.spec.load_balancer_class == node_balancer_class);
}

bool has_addresses(const v1::service& s) {
  return s.status.load_balancer && !s.status.load_balancer->ingress.empty();
}

key_mapper balanced_services() {
  return [](const api::object& o, const api::object_ptr& previous, const view& v) {
    std::vector<object_id> keys;
    if (balances_otherwise(o, previous, v))
      for (const auto& s : v.list<v1::service>())
        if (is_ours(*s))
          keys.push_back({s.object->ns(), s.object->name()});
    return keys;
  };
}

/// The Service itself, and those that may be waiting for its ports.
key_mapper self_and_waiting() {
  return [](const api::object& o, const api::object_ptr& previous, const view& v) {
    std::vector<object_id> keys{{o.ns(), o.name()}};
    const auto balanced = [](const api::object& s) {
      return api::typed<v1::service>(s)->spec.type == "LoadBalancer";
    };
    if (balanced(o) || (previous && balanced(*previous)))
      for (const auto& s : v.list<v1::service>())
        if (is_ours(*s) && !has_addresses(*s))
          keys.push_back({s.object->ns(), s.object->name()});
    return keys;
  };
}

key_mapper service_of_slice() {
  return [](const api::object& o, const api::object_ptr&, const view& v) {
    std::vector<object_id> keys;
    const auto* name = api::find_label(o.labels(), service_name_label);
    if (!name)
      return keys;
    const auto s = v.get<v1::service>(o.ns(), *name);
    if (s && is_ours(*s) && s->spec.external_traffic_policy == "Local")
      keys.push_back({o.ns(), *name});
    return keys;
  };
}

std::set<std::string> nodes_with_endpoints(const v1::service& s, const view& v) {
  std::set<std::string> res;
  for (const auto& slice : v.list<v1::endpoint_slice>(s.metadata.namespace_)) {
    const auto* owner = api::find_label(slice.object->labels(), service_name_label);
    if (!owner || *owner != s.metadata.name)
      continue;
    for (const auto& e : slice->endpoints)
      if (!e.conditions || e.conditions->ready.value_or(true))
        res.insert(e.node_name);
  }
  return res;
}

class service_balancer final : public reconciler {
public:
  explicit service_balancer(service_balancer_deps deps) : deps_(std::move(deps)) {}

  std::string_view name() const override { return "service-lb-controller"; }

  std::vector<watch_spec> watches() const override {
    return {{std::string{v1::service::resource_name}, self_and_waiting()},
            {std::string{v1::node::resource_name}, balanced_services()},
            {std::string{v1::endpoint_slice::resource_name}, service_of_slice()}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time) override {
    reconcile_result res;
    const auto s = v.get<v1::service>(key.ns, key.name);
    if (!s || s.object->meta().deleting)
      return res;
    if (s->spec.type != "LoadBalancer") {
      if (has_addresses(*s))
        write(s, {}, res);
      return res;
    }
    if (!is_ours(*s))
      return res;
    if (const auto why = conflict(s, v); !why.empty()) {
      if (has_addresses(*s))
        write(s, {}, res);
      note(s, "Warning", "SyncLoadBalancerFailed", "Error syncing load balancer: " + why, res);
      return res;
    }
    auto addresses = addresses_for(*s, v);
    std::vector<v1::load_balancer_ingress> ingress;
    for (const auto& ip : addresses)
      ingress.push_back({ip, "", "VIP", {}});
    const bool had = has_addresses(*s);
    const auto& present = had ? s->status.load_balancer->ingress : ingress;
    if (had ? present == ingress : ingress.empty())
      return res;
    write(s, std::move(ingress), res);
    if (!had)
      note(s, "Normal", "EnsuredLoadBalancer", "Ensured load balancer", res);
    return res;
  }

private:
  /// Those of the Service's families, its first family's first, in order within each.
  static std::vector<std::string> addresses_for(const v1::service& s, const view& v) {
    const bool local = s.spec.external_traffic_policy == "Local";
    const auto hosts = local ? nodes_with_endpoints(s, v) : std::set<std::string>{};
    std::set<std::string> all;
    for (const auto& n : v.list<v1::node>())
      if (!local || hosts.count(n->metadata.name))
        for (auto& ip : balanced_addresses(*n))
          all.insert(std::move(ip));
    auto families = s.spec.ip_families;
    if (families.empty())
      families.push_back("IPv4");
    std::vector<std::string> res;
    for (const auto& family : families)
      std::copy_if(all.begin(), all.end(), std::back_inserter(res), [&](const auto& ip) {
        return api::parse_ip(ip)->is_v4() == (family == "IPv4");
      });
    return res;
  }

  /// Who has a port of this Service already; empty when nobody does.
  std::string conflict(const observed_service& s, const view& v) const {
    for (const auto& p : s->spec.ports)
      if (p.protocol == "TCP" && deps_.reserved.count(p.port))
        return "port " + std::to_string(p.port) + " is the nodes' own";
    const auto age = [](const v1::service& x) {
      return std::tie(x.metadata.creation_timestamp, x.metadata.uid);
    };
    for (const auto& o : v.list<v1::service>()) {
      if (o.object == s.object || !is_ours(*o) || age(*o) > age(*s))
        continue;
      for (const auto& a : s->spec.ports)
        for (const auto& b : o->spec.ports)
          if (a.port == b.port && a.protocol == b.protocol)
            return "port " + std::to_string(a.port) + "/" + a.protocol + " is that of service " +
                   o->metadata.namespace_ + "/" + o->metadata.name;
    }
    return {};
  }

  static void write(const observed_service& s, std::vector<v1::load_balancer_ingress> ingress,
                    reconcile_result& res) {
    auto next = *s;
    next.status.load_balancer.ensure().ingress = std::move(ingress);
    res.calls.push_back(update_call(next, "status"));
  }

  static void note(const observed_service& s, const char* type, const char* reason,
                   std::string message, reconcile_result& res) {
    res.events.push_back({type, reason, std::move(message), s.object,
                          std::string{v1::service::kind_name},
                          std::string{v1::service::api_version_name}});
  }

  const service_balancer_deps deps_;
};

} // namespace

std::vector<std::string> balanced_addresses(const v1::node& n) {
  std::vector<std::string> res;
  const auto& conditions = n.status.conditions;
  const bool ready = std::any_of(conditions.begin(), conditions.end(), [](const auto& c) {
    return c.type == "Ready" && c.status == "True";
  });
  if (!ready || n.metadata.labels.count(not_balancing_label) ||
      !n.metadata.deletion_timestamp.empty())
    return res;
  for (const char* type : {"ExternalIP", "InternalIP"})
    for (const auto& a : n.status.addresses)
      if (const auto ip = api::parse_ip(a.address);
          a.type == type && ip && !ip->is_loopback() &&
          std::none_of(res.begin(), res.end(), [&](const auto& known) {
            return api::parse_ip(known)->is_v4() == ip->is_v4();
          }))
        res.push_back(a.address);
  return res;
}

bool balances_otherwise(const api::object& node, const api::object_ptr& previous, const view& v) {
  const bool there = v.find(v1::node::resource_name, {}, node.name()) != nullptr;
  using addresses = std::vector<std::string>;
  const auto before = previous ? balanced_addresses(*api::typed<v1::node>(*previous)) : addresses{};
  const auto now = there ? balanced_addresses(*api::typed<v1::node>(node)) : addresses{};
  return before != now || !there;
}

std::unique_ptr<reconciler> make_service_balancer(service_balancer_deps deps) {
  return std::make_unique<service_balancer>(std::move(deps));
}

} // namespace thespis::actors
