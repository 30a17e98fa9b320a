// What the cluster's DNS makes of Services and their EndpointSlices. No CAF headers.
#pragma once

#include "proxy/dns/zone.hpp"
#include "proxy/service_slices.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace thespis::proxy {

/// A changed service, or nothing for one that is gone.
using zone_change = std::pair<service_key, std::optional<dns::service_entry>>;

/// Not thread-safe; owned by the DNS actor.
class dns_state {
public:
  void apply_service(const api::watch_event& e) { known_.apply_service(e); }
  void apply_slice(const api::watch_event& e) { known_.apply_slice(e); }
  void clear() { known_.clear(); }
  bool changed() const { return known_.changed(); }
  size_t services() const { return known_.services().size(); }

  /// What the zone must learn since the last call.
  std::vector<zone_change> take_changes();

private:
  std::optional<dns::service_entry> entry_of(const service_key& key) const;

  service_slices known_;
};

} // namespace thespis::proxy
