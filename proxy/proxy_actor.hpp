// The kube-proxy actor: see proxy_interface.hpp.
#pragma once

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
  data_path_options options;
};

/// Runs detached: programming the kernel blocks for milliseconds. Rules stay when it ends, so
/// that traffic does not depend on this process; `thespis down` removes them.
class proxy_actor : public runtime::actor_base<proxy_handle> {
public:
  proxy_actor(caf::actor_config& cfg, proxy_deps deps);
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  void subscribe_all();
  void handle(const runtime::watch_batch& batch);
  void schedule(std::chrono::milliseconds delay);
  void program();
  void tell_balancers();

  proxy_deps deps_;
  proxy_state state_;
  std::optional<data_path> kernel_;
  std::unique_ptr<health_checks> health_; ///< once some Service wants it
  bool services_synced_ = false;
  bool slices_synced_ = false;
  bool replaced_ = false; ///< the kernel holds a complete view
  bool scheduled_ = false;
  uint64_t programmed_ = 0;
};

} // namespace thespis::proxy
