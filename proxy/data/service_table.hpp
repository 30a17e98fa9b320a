// What the kernel data path is told about services: plain values, free of Kubernetes objects and of
// actors. Whoever watches Services and EndpointSlices fills these in.
#pragma once

#include "proxy/data/address_family.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace thespis::proxy {

/// A transport protocol; the value is its IP protocol number.
enum class protocol : uint8_t { tcp = 6, udp = 17, sctp = 132 };

/// Names one port of one Service in one family. `port` is the port's name, empty for the only port
/// of a Service.
struct service_port_name {
  std::string ns;
  std::string service;
  std::string port;
  ip_family family = ip_family::v4;

  auto operator<=>(const service_port_name&) const = default;
};

/// One address behind a service port: the conditions of discovery.k8s.io/v1 Endpoint, and whether
/// it is on this machine.
struct endpoint {
  std::string ip;
  uint16_t port = 0;
  bool ready = true;
  bool serving = true;
  bool terminating = false;
  bool node_local = false;
  /// Topology hints keep this machine's flows from it, other than by a policy of Local.
  bool passed_over = false;
  std::string pod; ///< its name, in the namespace of the service; empty for what is no pod

  auto operator<=>(const endpoint&) const = default;
};

/// What one port of one Service asks of the data path of one family. Addresses that
/// `parse_address` does not take for that family ("None", an empty string) are passed over.
struct service_port {
  protocol proto = protocol::tcp;
  std::vector<std::string> cluster_ips;
  uint16_t port = 0;
  uint16_t node_port = 0; ///< 0: none
  /// spec.externalIPs and status.loadBalancer.ingress[].ip alike: `port` is served on them.
  std::vector<std::string> external_ips;
  /// Those of them that are a load balancer's, and who may use these; empty: everybody.
  std::vector<std::string> balancer_ips = {};
  std::vector<std::string> source_ranges = {};
  /// spec.healthCheckNodePort; 0: none.
  uint16_t health_port = 0;
  /// sessionAffinity ClientIP: seconds a client keeps its endpoint after its last connection.
  /// 0: sessionAffinity None.
  uint32_t affinity_seconds = 0;
  bool internal_local = false; ///< internalTrafficPolicy: Local
  bool external_local = false; ///< externalTrafficPolicy: Local
  std::vector<endpoint> endpoints;
  ip_family family = ip_family::v4; ///< as in its name

  bool operator==(const service_port&) const = default;
};

/// Every service port of the cluster. When two claim the same external address and port, or the
/// same node port, the one whose name is lower has it.
using service_table = std::map<service_port_name, service_port>;

} // namespace thespis::proxy
