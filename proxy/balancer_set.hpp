// The balancers of a machine, kept in step with its service ports.
#pragma once

#include "proxy/balancer_actor.hpp"
#include "proxy/data/data_path.hpp"
#include "proxy/flow_gate.hpp"

namespace thespis::proxy {

/// One balancer a service port and family, known to the directory as service_role tells and, where
/// there is one, to the gate. Owned by the proxy actor, which spawns them and which they end with.
class balancer_set {
public:
  using spawner = std::function<balancer_handle(const service_port_name&)>;

  balancer_set(std::shared_ptr<runtime::directory> roles, spawner spawn)
      : roles_(std::move(roles)), spawn_(std::move(spawn)) {}

  /// Exactly these. `gate` may be null, here and below.
  void replace(const service_table& services, flow_gate* gate);
  void change(const service_changes& changes, flow_gate* gate);
  void end_all();
  size_t size() const { return all_.size(); }
  /// The null handle when there is none.
  balancer_handle find(const service_port_name& name) const {
    const auto i = all_.find(name);
    return i == all_.end() ? balancer_handle{} : i->second;
  }

private:
  void set(const service_port_name& name, const service_port& port, flow_gate* gate);
  void erase(const service_port_name& name, flow_gate* gate);
  void name_first(const service_port_name& name);

  std::shared_ptr<runtime::directory> roles_;
  spawner spawn_;
  std::map<service_port_name, balancer_handle> all_;
};

} // namespace thespis::proxy
