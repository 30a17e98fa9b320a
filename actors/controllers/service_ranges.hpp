// The ranges of Services' addresses and the addresses taken from them, as objects: ServiceCIDRs and
// IPAddresses of networking.k8s.io/v1.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <memory>
#include <string>
#include <vector>

namespace thespis::actors {

/// The ServiceCIDR of the range that the cluster was configured with.
inline constexpr const char* default_service_cidr = "kubernetes";

/// Keys are addresses. An address that a Service holds has an IPAddress that says so, made anew
/// when somebody deletes it; those of gone Services go. IPAddresses that others made are left
/// alone.
std::unique_ptr<reconciler> make_ip_address_controller();

struct service_cidr_deps {
  /// "10.43.0.0/16", or one of each family; empty: no default ServiceCIDR is kept.
  std::vector<std::string> default_ranges;
};

/// Keys are ServiceCIDRs. Each gets a finalizer and becomes Ready; one on its way out waits until
/// no IPAddress is left that only it covers.
std::unique_ptr<reconciler> make_service_cidr_controller(service_cidr_deps deps);

} // namespace thespis::actors
