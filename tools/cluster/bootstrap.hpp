// What every cluster has from its first second: system namespaces and the `kubernetes` Service.
#pragma once

#include "tools/cluster/cluster.hpp"

#include <string>

namespace thespis::tools {

/// Creates what is missing of default, kube-system, kube-public, kube-node-lease, and leads the
/// Service `kubernetes` to the API at that address; `service_ranges` become the default
/// ServiceCIDR. Blocks.
void bootstrap_cluster(cluster& c, const std::vector<std::string>& service_ranges,
                       const std::string& service_ip, const std::string& api_address, int api_port);

/// Lists the groups and versions served, and tells extension servers, in the ConfigMap
/// extension-apiserver-authentication, by whom clients and we are vouched for (PEM). Blocks.
void announce_api(cluster& c, const std::string& client_ca, const std::string& front_proxy_ca);

} // namespace thespis::tools
