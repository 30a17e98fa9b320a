// The network actor: see network_interface.hpp.
#pragma once

#include "api/pipeline/call.hpp"
#include "runtime/environment.hpp"
#include "runtime/network/network_interface.hpp"
#include "runtime/network/network_port.hpp"
#include "runtime/network/network_state.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace thespis::runtime {

struct network_deps {
  environment env;
  std::string node;
  std::shared_ptr<network_port> kernel;
  /// Between comparisons with the kernel, in which others may have changed something.
  std::chrono::milliseconds resync{60'000};
};

/// At most one programming is under way. What it set up stays when it ends, so that traffic does
/// not depend on this process; `thespis down` removes it.
class network_actor : public actor_base<network_handle> {
public:
  network_actor(caf::actor_config& cfg, network_deps deps);
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  void subscribe_nodes();
  void handle(const watch_batch& batch);
  void schedule(std::chrono::milliseconds delay);
  void program();
  void programmed(const network_programmed& p);
  void tell();
  void submit(const std::string& body, const std::string& subresource);

  network_deps deps_;
  network_state state_;
  bool synced_ = false;
  uint64_t turn_ = 0;                  ///< of the timer that counts
  caf::actor_clock::time_point due_{}; ///< of that timer; the epoch when there is none
  bool programming_ = false;
  bool again_ = false;   ///< something changed while the port was at work
  bool telling_ = false; ///< a call of ours is under way
  std::string verdict_;  ///< the status that NetworkUnavailable should have; empty: not known yet
  std::string trouble_;
  std::vector<std::string> unreachable_;
  uint64_t programmed_ = 0;
};

} // namespace thespis::runtime
