// The network of a machine's pods: CNI configuration and what the host itself must do for it.
#pragma once

#include "api/result.hpp"
#include "runtime/cri/node_layout.hpp"

#include <string>
#include <vector>

namespace thespis::runtime {

struct pod_network_options {
  /// Of this node: "10.42.0.0/24", at most one of each family. Pods have an address of each, in
  /// this order.
  std::vector<std::string> pod_cidrs;
  /// Destinations that see a pod's own address: the cluster's pod CIDRs, other nodes' networks.
  /// Traffic of pods to anything else leaves with the node's address.
  std::vector<std::string> native_cidrs;
  int mtu = 0; ///< of pod links; 0: as the interface of the default route
};

/// The MTU of the default route's interface, Ethernet's where there is none.
int machine_mtu();

/// The CNI configuration list (version 0.4.0): point-to-point links, so that all traffic between
/// pods passes the host's netfilter, addresses from the pod CIDR, and host ports. The
/// masquerading of ptp is off: it hides a pod's address from pods of other nodes, and costs three
/// iptables calls a pod; set_up_pod_network does it with one rule instead. A pod with an IPv6
/// address has the search for duplicates off before its link comes, for nobody else can have the
/// address and the search would keep it from use for a second.
std::string make_cni_config(const node_layout& layout, const pod_network_options& options);

/// Writes the CNI configuration, turns on forwarding, loads the masquerading tables, and admits
/// pod traffic where the machine's firewall drops forwarded packets. With an IPv6 range, interfaces
/// that are made on this machine from now on look for no duplicates, and the interface of the
/// default route goes on learning its router. Idempotent. Blocks.
api::result<void> set_up_pod_network(const node_layout& layout, const pod_network_options& options);

/// Removes what set_up_pod_network and the CNI plugins left: tables, firewall rules, addresses,
/// cached results. Idempotent. Blocks. Links go with their network namespaces.
void tear_down_pod_network(const node_layout& layout);

} // namespace thespis::runtime
