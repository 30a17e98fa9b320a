#include "tools/cluster/cluster_dns.hpp"

#include "actors/framework/reconciler.hpp"
#include "api/generated/core_v1_service.hpp"
#include "api/generated/discovery_v1.hpp"
#include "proxy/dns_actor.hpp"

#include <spdlog/spdlog.h>

#include <fstream>
#include <sstream>

namespace thespis::tools {

namespace {

namespace v1 = api::v1;

constexpr const char* service_name = "kube-dns";
constexpr const char* service_namespace = "kube-system";
constexpr int dns_port = 53;

v1::service dns_service(const std::string& ip) {
  v1::service s;
  s.metadata.name = service_name;
  s.metadata.namespace_ = service_namespace;
  s.metadata.labels = {{"k8s-app", service_name},
                       {"kubernetes.io/cluster-service", "true"},
                       {"kubernetes.io/name", "KubeDNS"}};
  s.spec.type = "ClusterIP";
  s.spec.cluster_ip = ip;
  s.spec.cluster_ips = {ip};
  for (const auto& [name, protocol] : {std::pair{"dns", "UDP"}, {"dns-tcp", "TCP"}}) {
    auto& port = s.spec.ports.emplace_back();
    port.name = name;
    port.protocol = protocol;
    port.port = dns_port;
    port.target_port = api::int_or_string{dns_port};
  }
  return s;
}

v1::endpoint_slice dns_slice(const std::string& node, const std::string& address, uint16_t at) {
  v1::endpoint_slice s;
  s.metadata.name = std::string{service_name} + "-" + node;
  s.metadata.namespace_ = service_namespace;
  s.metadata.labels = {{"kubernetes.io/service-name", service_name},
                       {"endpointslice.kubernetes.io/managed-by", "dns.thespis.dev"}};
  const auto ip = api::parse_ip(address);
  s.address_type = !ip || ip->is_v4() ? "IPv4" : "IPv6";
  auto& endpoint = s.endpoints.emplace_back();
  endpoint.addresses = {address};
  endpoint.conditions.ensure().ready = true;
  endpoint.node_name = node;
  for (const auto& [name, protocol] : {std::pair{"dns", "UDP"}, {"dns-tcp", "TCP"}}) {
    auto& port = s.ports.emplace_back();
    port.name = name;
    port.protocol = protocol;
    port.port = at;
  }
  return s;
}

/// The slice is ours alone; the Service may be changed by whoever owns the cluster.
void announce(cluster& c, const v1::service& service, v1::endpoint_slice slice) {
  std::vector<api::call> calls;
  if (!c.state()->get(v1::service::resource_name, service_namespace, service_name))
    calls.push_back(actors::create_call(service));
  if (const auto known = c.state()->get(v1::endpoint_slice::resource_name, service_namespace,
                                        slice.metadata.name)) {
    slice.metadata.resource_version = std::to_string(known->revision());
    calls.push_back(actors::update_call(slice));
  } else {
    calls.push_back(actors::create_call(slice));
  }
  for (const auto& o : c.run(std::move(calls)).outcomes)
    if (!o.ok)
      spdlog::error("cannot announce the cluster's DNS: {}", o.failure.message);
}

std::vector<api::cidr> ranges_of(const config::settings& s) {
  auto res = s.network.pod_cidr.all;
  const auto& services = s.network.service_cidr.all;
  res.insert(res.end(), services.begin(), services.end());
  return res;
}

std::string resolv_conf() {
  std::ostringstream text;
  text << std::ifstream{"/etc/resolv.conf"}.rdbuf();
  return text.str();
}

} // namespace

api::result<std::shared_ptr<proxy::dns::server>> start_dns(cluster& c,
                                                           const config::settings& settings,
                                                           const std::string& node,
                                                           const std::string& address) {
  const auto ip = api::parse_ip(address);
  const auto service_ip = settings.dns_service_ip();
  const bool reachable = ip && ip->is_v4() == api::parse_ip(service_ip)->is_v4();
  if (!reachable || ip->is_loopback())
    return api::fail(api::bad_request("no Service at " + service_ip +
                                      " can lead to a DNS server at " + address));
  proxy::dns::server_options options;
  options.zone.domain = settings.network.cluster_domain;
  options.zone.ranges = ranges_of(settings);
  options.address = address;
  options.clients = options.zone.ranges;
  options.upstreams = proxy::dns::upstreams_of(resolv_conf(), {service_ip});
  options.random_id = [random = c.env().random] { return static_cast<uint16_t>(random->next()); };
  auto started = proxy::dns::server::start(std::move(options));
  if (!started)
    return api::fail(std::move(started.error()));
  std::shared_ptr<proxy::dns::server> server{std::move(*started)};
  const proxy::dns_deps deps{c.env(), node, server};
  c.supervise(std::string{proxy::dns_role}, [deps](caf::local_actor& self) {
    return caf::actor_cast<caf::strong_actor_ptr>(self.home_system().spawn<proxy::dns_actor>(deps));
  });
  announce(c, dns_service(service_ip), dns_slice(node, address, server->port()));
  return server;
}

} // namespace thespis::tools
