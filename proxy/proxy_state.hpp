// What kube-proxy knows: Services and their EndpointSlices, and what they ask of the kernel.
// No CAF headers.
#pragma once

#include "proxy/data/data_path.hpp"
#include "proxy/data/source_ranges.hpp"
#include "proxy/health_checks.hpp"
#include "proxy/service_slices.hpp"

#include <string>

namespace thespis::proxy {

/// Not thread-safe; owned by the proxy actor.
class proxy_state {
public:
  /// `node` tells which endpoints are on this machine.
  explicit proxy_state(std::string node) : node_(std::move(node)) {}

  void apply_service(const api::watch_event& e) { known_.apply_service(e); }
  void apply_slice(const api::watch_event& e) { known_.apply_slice(e); }
  /// The node of this machine: its zone is what topology hints go by.
  void apply_node(const api::watch_event& e);
  void clear() { known_.clear(); }

  /// Everything, for the first programming.
  service_table table();
  /// What changed since the last call of this or of `table`.
  service_changes take_changes();
  /// What load balancers are to be told, as of the last call of either.
  health_answers health() const;
  guarded_addresses guards() const { return guards_of(programmed_); }
  bool changed() const { return known_.changed(); }
  size_t services() const { return known_.services().size(); }

private:
  void ports_of(const service_key& key, service_table& out) const;

  const std::string node_;
  std::string zone_;
  service_slices known_;
  service_table programmed_; ///< what the last `table` or `take_changes` told
};

} // namespace thespis::proxy
