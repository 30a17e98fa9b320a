// A balancer: see balancer_interface.hpp.
#pragma once

#include "proxy/balancer_interface.hpp"

namespace thespis::proxy {

struct balancer_deps {
  runtime::environment env;
  service_port_name name;
  balance::chooser_options limits;
};

/// Lives as long as the service port is known to the proxy actor, which spawns it.
class balancer_actor : public runtime::actor_base<balancer_handle> {
public:
  balancer_actor(caf::actor_config& cfg, balancer_deps deps);
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  void take(const service_port& port);
  void choose(const choose_flows& what);
  /// For what is no packet: by the policy for sources inside the cluster.
  std::optional<backend> choose_for(const std::string& client);
  void hand_on(const to_service& what);
  const std::string& pod_at(backend where) const;

  balancer_deps deps_;
  balance::chooser chooser_;
  bool internal_local_ = false;
  std::map<backend, std::string> pods_;
};

/// "default/web:http", of IPv6 "default/web:http/ipv6": how a balancer is shown.
std::string to_string(const service_port_name& name);

} // namespace thespis::proxy
