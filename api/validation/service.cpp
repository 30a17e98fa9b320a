#include "api/validation/service.hpp"

#include "api/text/cidr.hpp"
#include "api/validation/access.hpp"
#include "api/validation/network.hpp"

#include <algorithm>
#include <set>
#include <unordered_set>

namespace thespis::api {

namespace {

/// No pod may take over the kubelet's port from outside.
constexpr int64_t kubelet_port = 10250;

/// A port as Kubernetes' message about two equal ones shows it.
std::string port_text(std::string_view protocol, int64_t port) {
  return R"({"Name":"","Protocol":)" + json::quote(protocol) + R"(,"AppProtocol":null,"Port":)" +
         std::to_string(port) + R"(,"TargetPort":0,"NodePort":0})";
}

void check_type(const json::value& spec, const path& at, findings& f) {
  auto type = text(spec, "type");
  path ips(at, "clusterIPs");
  if ((type == "LoadBalancer" || type == "NodePort") && is_headless(spec))
    f.invalid(path(ips, size_t{0}), "None",
              "may not be set to 'None' for " + std::string(type) + " services");
  if (type == "LoadBalancer")
    each(spec, "ports", at, [&](const json::value& p, const path& q) {
      if (json::get_int(p, "port") == kubelet_port)
        f.invalid(q, kubelet_port,
                  "may not expose port 10250 externally since it is used by kubelet");
    });
  if (type != "ExternalName")
    return;
  for (std::string_view key : {"clusterIPs", "ipFamilies", "ipFamilyPolicy"})
    if (filled(member(spec, key)) || !text(spec, key).empty())
      f.forbidden(path(at, key), "may not be set for ExternalName services");
  auto name = text(spec, "externalName");
  if (name.ends_with('.'))
    name.remove_suffix(1);
  if (name.empty())
    f.required(path(at, "externalName"));
  else
    complain(f, path(at, "externalName"), name, check_dns1123_subdomain(name));
}

void check_ports(const json::value& spec, const path& at, findings& f) {
  bool several = count(member(spec, "ports")) > 1;
  bool inside_only = text(spec, "type") == "ClusterIP";
  std::unordered_set<std::string_view> names;
  std::set<std::pair<std::string_view, int64_t>> ports;
  std::set<std::pair<std::string_view, int64_t>> node_ports;
  each(spec, "ports", at, [&](const json::value& port, const path& p) {
    auto name = text(port, "name");
    if (name.empty() && several)
      f.required(path(p, "name"));
    else if (!name.empty() && !names.insert(name).second)
      f.duplicate(path(p, "name"), name);
    auto protocol = json::get_string(port, "protocol", "TCP");
    if (auto node_port = json::get_int(port, "nodePort"); node_port != 0) {
      if (inside_only)
        f.forbidden(path(p, "nodePort"), "may not be used when `type` is 'ClusterIP'");
      if (!node_ports.emplace(protocol, node_port).second)
        f.duplicate(path(p, "nodePort"), member(port, "nodePort"));
    }
    auto number = json::get_int(port, "port");
    if (!ports.emplace(protocol, number).second)
      f.causes().push_back(duplicate(p.str(), port_text(protocol, number)));
  });
}

void check_affinity(const json::value& spec, const path& at, findings& f) {
  path config(at, "sessionAffinityConfig");
  if (text(spec, "sessionAffinity") == "ClientIP") {
    const auto& client = member(member(spec, "sessionAffinityConfig"), "clientIP");
    path p(config, "clientIP");
    if (!client.IsObject())
      f.required(p, "when session affinity type is ClientIP");
    else if (auto n = json::get_int(client, "timeoutSeconds"); n <= 0 || n > 86400)
      f.invalid(path(p, "timeoutSeconds"), n, "must be greater than 0 and less than 86400");
  } else if (has(spec, "sessionAffinityConfig")) {
    f.forbidden(config, "must not be set when session affinity is None");
  }
}

bool is_v6(std::string_view address) {
  const auto ip = parse_ip(address);
  return ip && !ip->is_v4();
}

/// Each by itself. Returns whether all are addresses, or None alone.
bool check_each_address(const json::value& ips, const path& list, findings& f) {
  const size_t known = f.causes().size();
  for (rapidjson::SizeType i = 0; i < ips.Size(); ++i) {
    const auto ip = json::as_string(ips[i]);
    if (i == 0 && ip == "None") {
      if (ips.Size() > 1)
        f.invalid(list, ips, "'None' must be the first and only value");
      continue;
    }
    complain(f, path(list, i), ip, check_ip(ip));
  }
  return f.causes().size() == known;
}

void check_addresses(const json::value& spec, const path& at, findings& f) {
  if (!needs_cluster_ip(spec))
    return;
  const auto& ips = member(spec, "clusterIPs");
  path list(at, "clusterIPs");
  const auto first = text(spec, "clusterIP");
  if (!filled(ips)) {
    if (!first.empty())
      f.required(list);
    return;
  }
  if (!ips.IsArray())
    return;
  if (first.empty())
    f.invalid(list, ips, "must be empty when `clusterIP` is not specified");
  else if (json::as_string(ips[0]) != first)
    f.invalid(list, ips, "first value must match `clusterIP`");
  const bool good = check_each_address(ips, list, f);
  if (ips.Size() > 2)
    f.invalid(list, ips, "may only hold up to 2 values");
  if (!good || is_headless(spec))
    return;
  const auto sixes = std::count_if(ips.Begin(), ips.End(),
                                   [](const auto& v) { return is_v6(json::as_string(v)); });
  if (ips.Size() > 1 && (sixes == 0 || sixes == ips.Size()))
    f.invalid(list, ips, "may specify no more than one IP for each IP family");
  const auto& families = member(spec, "ipFamilies");
  for (rapidjson::SizeType i = 0; i < std::min<size_t>(ips.Size(), count(families)); ++i) {
    const auto ip = json::as_string(ips[i]);
    const auto family = json::as_string(families[i]);
    if ((family == "IPv4" && is_v6(ip)) || (family == "IPv6" && !is_v6(ip)))
      f.invalid(path(list, i), ip,
                "expected an " + std::string(family) + " value as indicated by `ipFamilies[" +
                    std::to_string(i) + "]`");
  }
}

void check_families(const json::value& spec, const path& at, findings& f) {
  if (!needs_cluster_ip(spec))
    return;
  std::set<std::string_view> seen;
  each(spec, "ipFamilies", at, [&](const json::value& v, const path& p) {
    if (!seen.insert(json::as_string(v)).second)
      f.duplicate(p, json::as_string(v));
  });
  if (text(spec, "ipFamilyPolicy") != "SingleStack")
    return;
  path policy(at, "ipFamilyPolicy");
  if (count(member(spec, "clusterIPs")) == 2)
    f.invalid(policy, "SingleStack",
              "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are "
              "specified");
  if (count(member(spec, "ipFamilies")) == 2)
    f.invalid(policy, "SingleStack",
              "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are "
              "specified");
}

/// Whether a list was given and is shorter than before.
bool is_reduced(const json::value& spec, const json::value& before, std::string_view key) {
  const auto now = count(member(spec, key));
  return now > 0 && now < count(member(before, key));
}

/// What a Service holds it keeps; a second address or family may come, and go with the policy.
void check_kept(const json::value& spec, const json::value& before, const path& at, findings& f) {
  path policy(at, "ipFamilyPolicy"), ips(at, "clusterIPs"), families(at, "ipFamilies");
  if (text(spec, "ipFamilyPolicy") != "SingleStack") {
    for (const auto& [key, what] :
         {std::pair{"clusterIPs", "cluster IP"}, {"ipFamilies", "IP family"}})
      if (is_reduced(spec, before, key))
        f.invalid(policy, text(spec, "ipFamilyPolicy"),
                  std::string("must be 'SingleStack' to release the secondary ") + what);
  }
  const bool headless = is_headless(spec), was_headless = is_headless(before);
  if (headless && was_headless)
    return;
  const auto compare = [&](const char* key, const path& list, bool numbered) {
    const auto& now = member(spec, key);
    const auto& old = member(before, key);
    if (!now.IsArray() || !old.IsArray())
      return;
    // A shorter or longer list keeps its first.
    const auto n = now.Size() == old.Size() ? now.Size() : std::min({1U, now.Size(), old.Size()});
    for (rapidjson::SizeType i = 0; i < n; ++i)
      if (!json::equal(now[i], old[i]))
        f.invalid(path(list, numbered ? i : 0), now, "may not change once set");
  };
  compare("clusterIPs", ips, true);
  if (headless == was_headless)
    compare("ipFamilies", families, false);
}

void check_external(const json::value& spec, const path& at, findings& f) {
  auto policy = text(spec, "externalTrafficPolicy");
  const auto type = text(spec, "type");
  bool external = type == "NodePort" || type == "LoadBalancer" ||
                  (type == "ClusterIP" && filled(member(spec, "externalIPs")));
  if (!policy.empty() && !external)
    f.invalid(path(at, "externalTrafficPolicy"), policy,
              "may only be set for externally-accessible services");
  bool balanced = text(spec, "type") == "LoadBalancer";
  for (std::string_view key : {"allocateLoadBalancerNodePorts", "loadBalancerClass"})
    if (!balanced && has(spec, key))
      f.forbidden(path(at, key), "may only be used when `type` is 'LoadBalancer'");
  if (auto port = json::get_int(spec, "healthCheckNodePort");
      port != 0 && !(balanced && policy == "Local"))
    f.invalid(path(at, "healthCheckNodePort"), port,
              "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is "
              "'Local'");
  if (!balanced && filled(member(spec, "loadBalancerSourceRanges")))
    f.forbidden(path(at, "loadBalancerSourceRanges"),
                "may only be used when `type` is 'LoadBalancer'");
  each(spec, "externalIPs", at,
       [&](const json::value& v, const path& p) { check_endpoint_ip(json::as_string(v), p, f); });
}

/// Where a load balancer says that it is reached.
void check_balancer_status(const json::value& service, findings& f) {
  path status("status"), at(status, "loadBalancer");
  const auto& balancer = member(member(service, "status"), "loadBalancer");
  if (text(member(service, "spec"), "type") != "LoadBalancer" &&
      filled(member(balancer, "ingress")))
    f.forbidden(path(at, "ingress"), "may only be used when `spec.type` is \"LoadBalancer\"");
  each(balancer, "ingress", at, [&](const json::value& v, const path& p) {
    const auto ip = text(v, "ip");
    const auto mode = text(v, "ipMode");
    const auto host = text(v, "hostname");
    if (!ip.empty())
      complain(f, path(p, "ip"), ip, check_ip(ip));
    if (!mode.empty() && ip.empty())
      f.forbidden(path(p, "ipMode"), "may not be specified when `ip` is not set");
    else if (!mode.empty() && mode != "VIP" && mode != "Proxy")
      f.not_supported(path(p, "ipMode"), mode, {"Proxy", "VIP"});
    if (host.empty())
      return;
    complain(f, path(p, "hostname"), host, check_dns1123_subdomain(host));
    if (parse_ip(host))
      f.invalid(path(p, "hostname"), host, "must be a DNS name, not an IP address");
  });
}

} // namespace

bool is_headless(const json::value& spec) {
  const auto& ips = member(spec, "clusterIPs");
  return text(spec, "clusterIP") == "None" ||
         (ips.IsArray() && !ips.Empty() && json::as_string(ips[0]) == "None");
}

bool needs_cluster_ip(const json::value& spec) {
  return text(spec, "type") != "ExternalName";
}

bool needs_node_port(const json::value& spec) {
  auto type = text(spec, "type");
  return type == "NodePort" ||
         (type == "LoadBalancer" && json::get_bool(spec, "allocateLoadBalancerNodePorts", true));
}

bool needs_health_check_port(const json::value& spec) {
  return text(spec, "type") == "LoadBalancer" && text(spec, "externalTrafficPolicy") == "Local";
}

bool drops_second_family(const json::value& spec, const json::value& before) {
  return is_reduced(spec, before, "clusterIPs") || is_reduced(spec, before, "ipFamilies");
}

void validate_service_status(const json::value& service, findings& f) {
  check_balancer_status(service, f);
}

void validate_service(const json::value& service, findings& f) {
  path at("spec");
  const auto& spec = member(service, "spec");
  if (!filled(member(spec, "ports")) && !is_headless(spec) && needs_cluster_ip(spec))
    f.required(path(at, "ports"));
  check_type(spec, at, f);
  check_ports(spec, at, f);
  check_affinity(spec, at, f);
  check_addresses(spec, at, f);
  check_families(spec, at, f);
  check_external(spec, at, f);
}

void validate_service_update(const json::value& service, const json::value& old, findings& f) {
  const auto& spec = member(service, "spec");
  const auto& before = member(old, "spec");
  path at("spec");
  if (needs_health_check_port(spec) && needs_health_check_port(before) &&
      json::get_int(spec, "healthCheckNodePort") != json::get_int(before, "healthCheckNodePort"))
    f.forbidden(path(at, "healthCheckNodePort"), "field is immutable");
  if (text(spec, "type") == "LoadBalancer" && text(before, "type") == "LoadBalancer" &&
      text(spec, "loadBalancerClass") != text(before, "loadBalancerClass"))
    f.invalid(path(at, "loadBalancerClass"), text(spec, "loadBalancerClass"),
              "may not change once set");
  if (!needs_cluster_ip(spec) || !needs_cluster_ip(before))
    return;
  check_kept(spec, before, at, f);
}

} // namespace thespis::api
