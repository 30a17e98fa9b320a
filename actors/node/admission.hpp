// Whether a node takes a pod that was bound to it: kubelet's last look, for pods that no scheduler
// placed, or that were placed on what is not true any more.
#pragma once

#include "actors/scheduler/node_info.hpp"

#include <optional>
#include <string>
#include <vector>

namespace thespis::actors {

/// Why a pod is not run, as its status tells: reason "OutOfcpu", message without kubelet's prefix.
struct pod_rejection {
  std::string reason;
  std::string message;
};

/// What the pods on a node hold of it.
struct node_holdings {
  resources used;
  int64_t pods = 0;
  std::vector<host_port> ports;
};

/// What one pod holds: part of node_holdings.
struct pod_holding {
  resources requests;
  std::vector<host_port> ports;
  bool held = false; ///< the pod counts
};

/// Checks, in kubelet's order: the system controls it sets, node selector and affinity, taints of
/// effect NoExecute, host ports, and whether its requests fit. Resources that the node does not
/// have at all are not looked at. `held` is without the pod itself.
std::optional<pod_rejection> reject_pod(const pod_info& pod, const api::v1::node& node,
                                        const node_holdings& held);

/// Whether the pod asks for what only AppArmor gives, on a node without it.
std::optional<pod_rejection> reject_apparmor(const api::v1::pod& pod, bool enforced);

/// Whether its requests fit, only.
std::optional<pod_rejection> reject_resources(const pod_info& pod, const api::v1::node& node,
                                              const node_holdings& held);

/// Whether every node allows it to be set: it is a namespaced one that harms no other pod.
bool is_safe_sysctl(std::string_view name);

} // namespace thespis::actors
