// Which balancer a flow to some address and port belongs to.
#pragma once

#include "proxy/balancer_interface.hpp"

#include <map>
#include <shared_mutex>
#include <unordered_map>

namespace thespis::proxy {

/// Follows the claims of planner.hpp: of two service ports with one frontend, the one whose name is
/// lower has it. Thread-safe.
class flow_routes {
public:
  struct route {
    balancer_handle to;
    bool external = false; ///< the policy for traffic from outside applies
    bool local_only = false;
  };

  void set(const service_port_name& name, const service_port& port, balancer_handle balancer);
  void erase(const service_port_name& name);

  /// Calls `f(flow's index, route)` for each of these flows that has one, under one lock.
  template <class Flows, class Function>
  void each(const Flows& flows, Function f) const {
    const std::shared_lock lock{mutex_};
    for (size_t i = 0; i < flows.size(); ++i)
      if (const auto* r = find(flows[i].what))
        f(i, *r);
  }
  std::vector<balancer_handle> balancers() const;

private:
  using key = uint64_t;
  using claims = std::map<service_port_name, route>;

  static key key_of(uint32_t address, protocol proto, uint16_t port) {
    return uint64_t{address} << 24 | uint64_t{port} << 8 | static_cast<uint64_t>(proto);
  }
  const route* find(const flow& f) const;
  void erase_locked(const service_port_name& name);

  mutable std::shared_mutex mutex_;
  std::unordered_map<key, claims> frontends_; // address 0: node ports
  std::map<service_port_name, std::pair<balancer_handle, std::vector<key>>> ports_;
};

} // namespace thespis::proxy
