// The kube-proxy actor: see proxy_interface.hpp.
#pragma once

#include "proxy/balancer_set.hpp"
#include "proxy/flow_gate.hpp"
#include "proxy/proxy_interface.hpp"
#include "proxy/proxy_state.hpp"
#include "runtime/environment.hpp"

#include <memory>
#include <optional>
#include <string>

namespace thespis::proxy {

struct proxy_deps {
  runtime::environment env;
  std::string node;
  data_path_options options; ///< without a queue
  /// Balancers choose for packets; else the kernel does, and they serve messages alone.
  bool by_mailbox = true;
  /// Told once who chooses for packets, in words for people; may be empty.
  std::function<void(const std::string&)> tell_mode;
};

/// Runs detached: programming the kernel blocks for milliseconds. Rules stay when it ends, so
/// that traffic does not depend on this process; `thespis down` removes them.
class proxy_actor : public runtime::actor_base<proxy_handle> {
public:
  proxy_actor(caf::actor_config& cfg, proxy_deps deps);
  behavior_type make_behavior() override;
  void on_exit() override;

protected:
  std::string describe() const override;

private:
  void subscribe_all();
  void handle(const runtime::watch_batch& batch);
  bool synced() const {
    return services_synced_ && slices_synced_ && node_synced_ && cidrs_synced_;
  }
  void schedule(std::chrono::milliseconds delay);
  void program();
  void tell_balancers();
  bool open_kernel();
  void open_gate();
  void recount();
  balancer_handle spawn_balancer(const service_port_name& name);

  proxy_deps deps_;
  proxy_state state_;
  balancer_set balancers_;
  std::unique_ptr<flow_gate> gate_; ///< null: the kernel chooses for packets
  std::optional<data_path> kernel_;
  std::unique_ptr<health_checks> health_; ///< once some Service wants it
  bool services_synced_ = false;
  bool slices_synced_ = false;
  bool node_synced_ = false;
  bool cidrs_synced_ = false;
  bool replaced_ = false; ///< the kernel holds a complete view
  bool scheduled_ = false;
  uint64_t programmed_ = 0;
};

} // namespace thespis::proxy
