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
  struct key {
    api::ip_address address; ///< any_address: a node port
    protocol proto = protocol::tcp;
    uint16_t port = 0;

    bool operator==(const key&) const = default;
  };
  struct key_hash {
    size_t operator()(const key& k) const {
      const auto h = digest(k.address) * 31 + k.port * 256U + static_cast<uint64_t>(k.proto);
      return static_cast<size_t>(h * 0x9e3779b97f4a7c15ULL >> 16);
    }
  };
  using claims = std::map<service_port_name, route>;

  const route* find(const flow& f) const;
  void erase_locked(const service_port_name& name);

  mutable std::shared_mutex mutex_;
  std::unordered_map<key, claims, key_hash> frontends_;
  std::map<service_port_name, std::pair<balancer_handle, std::vector<key>>> ports_;
};

} // namespace thespis::proxy
