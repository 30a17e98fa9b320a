// What kube-proxy knows: Services and their EndpointSlices, and what they ask of the kernel.
// No CAF headers.
#pragma once

#include "api/generated/core_v1_service.hpp"
#include "proxy/data/data_path.hpp"
#include "proxy/data/source_ranges.hpp"
#include "proxy/health_checks.hpp"
#include "proxy/service_slices.hpp"

#include <map>
#include <string>
#include <vector>

namespace thespis::proxy {

/// Not thread-safe; owned by the proxy actor.
class proxy_state {
public:
  /// `node` tells which endpoints are on this machine; `service_cidrs` are ranges of cluster
  /// addresses that are there without a ServiceCIDR.
  explicit proxy_state(std::string node, std::vector<std::string> service_cidrs = {})
      : node_(std::move(node)), own_cidrs_(std::move(service_cidrs)) {}

  void apply_service(const api::watch_event& e) { known_.apply_service(e); }
  void apply_slice(const api::watch_event& e) { known_.apply_slice(e); }
  /// The node of this machine: its zone is what topology hints go by.
  void apply_node(const api::watch_event& e);
  void apply_service_cidr(const api::watch_event& e);
  void clear() {
    known_.clear();
    cidrs_.clear();
  }

  /// Everything, for the first programming.
  service_table table();
  /// What changed since the last call of this or of `table`.
  service_changes take_changes();
  /// What load balancers are to be told, as of the last call of either.
  health_answers health() const;
  by_family<guarded_addresses> guards() const {
    return {guards_of(programmed_, ip_family::v4), guards_of(programmed_, ip_family::v6)};
  }
  /// All ranges of cluster addresses, none within another, sorted, IPv4 first.
  std::vector<std::string> service_cidrs() const;
  bool changed() const { return known_.changed(); }
  size_t services() const { return known_.services().size(); }

private:
  void ports_of(const service_key& key, service_table& out) const;
  void ports_in(const service_key& key, const api::v1::service& service, ip_family f,
                service_table& out) const;

  const std::string node_;
  const std::vector<std::string> own_cidrs_;
  std::map<std::string, std::vector<std::string>> cidrs_; ///< by the name of the ServiceCIDR
  std::string zone_;
  service_slices known_;
  service_table programmed_; ///< what the last `table` or `take_changes` told
};

} // namespace thespis::proxy
