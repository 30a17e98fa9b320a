// Services of type LoadBalancer: the cluster's own balancer, which is its nodes. Their addresses
// become those of the Service, and every node's proxy serves its ports on them.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/generated/core_v1_node.hpp"

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace thespis::actors {

/// spec.loadBalancerClass of Services that ask for this balancer by name; those that name no class
/// get it, too.
inline constexpr const char* node_balancer_class = "thespis.dev/nodes";
/// Nodes with this label are left out.
inline constexpr const char* not_balancing_label =
    "node.kubernetes.io/exclude-from-external-load-balancers";

struct service_balancer_deps {
  /// TCP ports that the machines need for themselves and no Service gets.
  std::set<int32_t> reserved = {};
};

/// The addresses under which clients reach a node, at most one of each family; none when it takes
/// no traffic.
std::vector<std::string> balanced_addresses(const api::v1::node& n);

/// Whether a change of a node, as a key_mapper is told it, concerns who balances. Nodes beat often.
bool balances_otherwise(const api::object& node, const api::object_ptr& previous, const view& v);

/// Keys are Services. With externalTrafficPolicy Local only nodes with ready endpoints count. A
/// port of the nodes is one Service's: the oldest's; others wait and are told so by an event.
std::unique_ptr<reconciler> make_service_balancer(service_balancer_deps deps = {});

} // namespace thespis::actors
