#include "api/pipeline/metadata.hpp"
#include "api/pipeline/service_addresses.hpp"
#include "api/pipeline/strategies/service_families.hpp"
#include "api/pipeline/strategies/strategies.hpp"
#include "api/validation/access.hpp"
#include "api/validation/service.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>

namespace thespis::api {

namespace {

void set_list(json::value& obj, std::string_view key,
              std::initializer_list<std::string_view> values, json::allocator& a) {
  json::value list(rapidjson::kArrayType);
  for (auto v : values)
    list.PushBack(json::make_string(v, a), a);
  json::set(obj, key, std::move(list), a);
}

/// clusterIP and clusterIPs say the same. An old client knows the former only: what it says there
/// is taken over when it left the list alone.
void reconcile_addresses(json::value& spec, const json::value* old, json::allocator& a) {
  const std::string ip(text(spec, "clusterIP"));
  const bool listed = filled(member(spec, "clusterIPs"));
  if (!old) {
    if (!ip.empty() && !listed)
      set_list(spec, "clusterIPs", {ip}, a);
    return;
  }
  if (ip == text(*old, "clusterIP") ||
      (listed && !json::equal(member(spec, "clusterIPs"), member(*old, "clusterIPs"))))
    return;
  if (ip.empty())
    json::erase(spec, "clusterIPs");
  else
    set_list(spec, "clusterIPs", {ip}, a);
}

/// What says nothing is not kept.
void drop_empty(json::value& spec) {
  if (has(spec, "clusterIP") && text(spec, "clusterIP").empty())
    json::erase(spec, "clusterIP");
  for (std::string_view key : {"clusterIPs", "ipFamilies"})
    if (!filled(member(spec, key)))
      json::erase(spec, key);
  if (member(spec, "healthCheckNodePort").IsInt() &&
      json::get_int(spec, "healthCheckNodePort") == 0)
    json::erase(spec, "healthCheckNodePort");
}

std::set<int64_t> used_node_ports(const json::value& spec) {
  std::set<int64_t> used;
  const auto& ports = member(spec, "ports");
  if (ports.IsArray())
    for (const auto& p : ports.GetArray())
      if (auto n = json::get_int(p, "nodePort"))
        used.insert(n);
  return used;
}

/// A client that leaves out the node ports means the ones that are there.
void keep_node_ports(json::value& spec, const json::value& old, json::allocator& a) {
  std::map<std::string_view, int64_t> by_name;
  const auto& before = member(old, "ports");
  if (before.IsArray())
    for (const auto& p : before.GetArray())
      by_name[text(p, "name")] = json::get_int(p, "nodePort");
  auto held = used_node_ports(old);
  std::set<int64_t> used;
  for (auto n : used_node_ports(spec))
    if (held.contains(n))
      used.insert(n);
  auto* ports = json::find(spec, "ports");
  if (!ports || !ports->IsArray())
    return;
  for (auto& p : ports->GetArray()) {
    auto known = by_name.find(text(p, "name"));
    if (json::get_int(p, "nodePort") != 0 || known == by_name.end() || known->second == 0)
      continue;
    if (used.insert(known->second).second)
      json::set(p, "nodePort", json::value(known->second), a);
  }
}

/// What a Service was given stays, where the client does not say otherwise.
void keep_given(json::value& spec, const json::value& old, json::allocator& a) {
  if (needs_cluster_ip(old) && needs_cluster_ip(spec)) {
    if (text(spec, "clusterIP").empty())
      keep_member(spec, old, "clusterIP", a);
    if (text(spec, "clusterIP") == text(old, "clusterIP") && !filled(member(spec, "clusterIPs")))
      keep_member(spec, old, "clusterIPs", a);
  }
  if (needs_node_port(old) && needs_node_port(spec))
    keep_node_ports(spec, old, a);
  if (needs_health_check_port(old) && needs_health_check_port(spec) &&
      json::get_int(spec, "healthCheckNodePort") == 0)
    keep_member(spec, old, "healthCheckNodePort", a);
}

bool same(const json::value& spec, const json::value& old, std::string_view key) {
  return json::equal(member(spec, key), member(old, key));
}

/// What the new type has no use for goes, unless the client has just set it (which validation then
/// refuses).
void drop_useless(json::value& spec, const json::value& old) {
  if (needs_cluster_ip(old) && !needs_cluster_ip(spec)) {
    if (same(spec, old, "clusterIP"))
      for (std::string_view key : {"clusterIP", "clusterIPs"})
        json::erase(spec, key);
    for (std::string_view key : {"ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"})
      if (same(spec, old, key))
        json::erase(spec, key);
  }
  if (needs_node_port(old) && !needs_node_port(spec) &&
      used_node_ports(old) == used_node_ports(spec))
    if (auto* ports = json::find(spec, "ports"); ports && ports->IsArray())
      for (auto& p : ports->GetArray())
        json::erase(p, "nodePort");
  bool external = needs_node_port(spec) || filled(member(spec, "externalIPs"));
  if (!external && same(spec, old, "externalTrafficPolicy"))
    json::erase(spec, "externalTrafficPolicy");
  if (needs_health_check_port(old) && !needs_health_check_port(spec) &&
      same(spec, old, "healthCheckNodePort"))
    json::erase(spec, "healthCheckNodePort");
  if (text(spec, "type") != "LoadBalancer")
    for (std::string_view key : {"allocateLoadBalancerNodePorts", "loadBalancerClass"})
      if (same(spec, old, key))
        json::erase(spec, key);
  if (text(spec, "type") != "ExternalName" && text(old, "type") == "ExternalName" &&
      same(spec, old, "externalName"))
    json::erase(spec, "externalName");
  if (text(spec, "sessionAffinity") != "ClientIP" && same(spec, old, "sessionAffinityConfig"))
    json::erase(spec, "sessionAffinityConfig");
}

void prepare_create(operation& op, json::document& service) {
  auto& a = service.GetAllocator();
  json::value status(rapidjson::kObjectType);
  json::set(status, "loadBalancer", json::value(rapidjson::kObjectType), a);
  json::set(service, "status", std::move(status), a);
  auto& spec = json::ensure_object(service, "spec", a);
  drop_empty(spec);
  reconcile_addresses(spec, nullptr, a);
  if (needs_cluster_ip(spec))
    settle_families(spec, nullptr, op.addresses.families(), a);
}

/// An address of a balancer that says no more is one that traffic arrives at as it is.
void default_ip_mode(json::document& service) {
  const auto& spec = member(service, "spec");
  auto* status = json::find(service, "status");
  auto* balancer = status ? json::find(*status, "loadBalancer") : nullptr;
  auto* ingress = balancer ? json::find(*balancer, "ingress") : nullptr;
  if (text(spec, "type") != "LoadBalancer" || !ingress || !ingress->IsArray())
    return;
  for (auto& i : ingress->GetArray())
    if (!text(i, "ip").empty() && !has(i, "ipMode"))
      json::set(i, "ipMode", std::string_view{"VIP"}, service.GetAllocator());
}

void prepare_update(operation& op, json::document& service, const json::value& old) {
  if (is_status_call(op))
    return default_ip_mode(service);
  auto& a = service.GetAllocator();
  auto& spec = json::ensure_object(service, "spec", a);
  const auto& before = member(old, "spec");
  keep_given(spec, before, a);
  reconcile_addresses(spec, &before, a);
  drop_useless(spec, before);
  drop_empty(spec);
  if (needs_cluster_ip(spec))
    settle_families(spec, &before, op.addresses.families(), a);
  if (text(spec, "type") != "LoadBalancer" && has(member(service, "status"), "loadBalancer"))
    json::set(json::ensure_object(service, "status", a), "loadBalancer",
              json::value(rapidjson::kObjectType), a);
}

void validate_change(const operation& op, const json::value& service, const json::value& old,
                     findings& f) {
  if (is_status_call(op))
    validate_service_status(service, f);
  else
    validate_service_update(service, old, f);
}

/// Claims for one Service, and the words when they are refused.
class claims {
public:
  claims(operation& op, json::document& service)
      : op_(op), alloc_(service.GetAllocator()),
        spec_(json::ensure_object(service, "spec", alloc_)),
        owner_(object_key(op.request.ns, text(metadata_of(service), "name"))),
        seed_(std::hash<std::string_view>{}(text(metadata_of(service), "uid"))) {}

  /// One address for each family.
  void addresses(const json::value* old) {
    check_configured_families(spec_, old, op_.addresses.families(), found_);
    if (!found_.empty() || is_headless(spec_))
      return;
    auto wanted = json::copy(member(spec_, "clusterIPs"), alloc_);
    if (!wanted.IsArray())
      wanted.SetArray();
    const auto& families = member(spec_, "ipFamilies");
    for (rapidjson::SizeType i = 0; i < count(families); ++i) {
      if (i < wanted.Size())
        chosen_address(json::as_string(wanted[i]));
      else if (auto given = op_.addresses.claim_any_ip(json::as_string(families[i]), owner_, seed_,
                                                       rehearsal()))
        wanted.PushBack(json::make_string(*given, alloc_), alloc_);
      else
        failure_ = internal_error("failed to allocate a serviceIP: range is full");
      if (failure_)
        return;
    }
    if (!wanted.Empty())
      json::set(spec_, "clusterIP", std::string(json::as_string(wanted[0])), alloc_);
    json::set(spec_, "clusterIPs", std::move(wanted), alloc_);
  }

  void node_ports() {
    auto* ports = json::find(spec_, "ports");
    if (!ports || !ports->IsArray())
      return;
    path at("spec");
    path list(at, "ports");
    // Chosen ports first, so that none of them is given away to a neighbour.
    for (rapidjson::SizeType i = 0; i < ports->Size(); ++i)
      if (auto wanted = json::get_int((*ports)[i], "nodePort"))
        chosen((*ports)[i], static_cast<int>(wanted), path(list, i));
    for (auto& p : ports->GetArray())
      if (json::get_int(p, "nodePort") == 0)
        any(p);
  }

  void health_check_port() {
    if (!needs_health_check_port(spec_))
      return;
    if (auto wanted = static_cast<int>(json::get_int(spec_, "healthCheckNodePort"))) {
      auto outcome = op_.addresses.claim_port(wanted, "TCP", owner_, rehearsal());
      if (outcome != service_addresses::answer::ok)
        failure_ = internal_error("failed to allocate requested HealthCheck NodePort " +
                                  std::to_string(wanted) + ": " +
                                  (outcome == service_addresses::answer::taken
                                       ? "provided port is already allocated"
                                       : "provided port is not in the valid range"));
      return;
    }
    if (auto port = op_.addresses.claim_any_port("TCP", owner_, seed_ / 7, rehearsal()))
      json::set(spec_, "healthCheckNodePort", json::value(*port), alloc_);
    else
      failure_ = internal_error("failed to allocate a nodePort: range is full");
  }

  result<void> outcome() {
    if (failure_)
      return fail(std::move(*failure_));
    if (!found_.empty())
      return fail(invalid(op_.type.group_kind, owner_.substr(owner_.find('/') + 1),
                          std::move(found_.causes())));
    return {};
  }

private:
  void chosen_address(std::string_view text) {
    const std::string ip(text);
    path at("spec");
    path list(at, "clusterIPs");
    switch (op_.addresses.claim_ip(ip, owner_, rehearsal())) {
    case service_addresses::answer::ok:
      break;
    case service_addresses::answer::taken:
      found_.invalid(list, member(spec_, "clusterIPs"),
                     "failed to allocate IP " + ip + ": provided IP is already allocated");
      break;
    case service_addresses::answer::outside:
      found_.invalid(list, member(spec_, "clusterIPs"),
                     "failed to allocate IP " + ip + ": the provided IP (" + ip +
                         ") is not in the valid range. The range of valid IPs is " +
                         op_.addresses.ranges(ip));
      break;
    }
  }

  void chosen(json::value& port, int number, const path& at) {
    path field(at, "nodePort");
    by_port_[json::get_int(port, "port")] = number;
    switch (op_.addresses.claim_port(number, protocol(port), owner_, rehearsal())) {
    case service_addresses::answer::ok:
      break;
    case service_addresses::answer::taken:
      found_.invalid(field, number, "provided port is already allocated");
      break;
    case service_addresses::answer::outside:
      found_.invalid(field, number,
                     "provided port is not in the valid range. The range of valid ports is " +
                         op_.addresses.port_range());
      break;
    }
  }

  void any(json::value& port) {
    auto number = json::get_int(port, "port");
    // One port of two protocols has one node port.
    if (auto twin = by_port_.find(number);
        twin != by_port_.end() &&
        op_.addresses.claim_port(twin->second, protocol(port), owner_, rehearsal()) ==
            service_addresses::answer::ok) {
      json::set(port, "nodePort", json::value(twin->second), alloc_);
      return;
    }
    auto given =
        op_.addresses.claim_any_port(protocol(port), owner_, seed_ + by_port_.size(), rehearsal());
    if (!given) {
      failure_ = internal_error("failed to allocate a nodePort: range is full");
      return;
    }
    by_port_[number] = *given;
    json::set(port, "nodePort", json::value(*given), alloc_);
  }

  bool rehearsal() const { return op_.request.dry_run; }

  static std::string protocol(const json::value& port) {
    return std::string(json::get_string(port, "protocol", "TCP"));
  }

  operation& op_;
  json::allocator& alloc_;
  json::value& spec_;
  std::string owner_;
  uint64_t seed_;
  std::map<int64_t, int> by_port_;
  findings found_;
  std::optional<error> failure_;
};

result<void> allocate(operation& op, json::document& service, const json::value* old) {
  if (is_status_call(op))
    return {};
  claims c(op, service);
  const auto& spec = member(service, "spec");
  if (needs_cluster_ip(spec))
    c.addresses(old ? &member(*old, "spec") : nullptr);
  if (needs_node_port(spec))
    c.node_ports();
  c.health_check_port();
  return c.outcome();
}

} // namespace

strategy service_strategy() {
  strategy s;
  s.resource = "services";
  s.create_on_update = true;
  s.prepare_create = prepare_create;
  s.prepare_update = prepare_update;
  s.validate = validate_service;
  s.validate_update = validate_change;
  s.allocate = allocate;
  return s;
}

} // namespace thespis::api
