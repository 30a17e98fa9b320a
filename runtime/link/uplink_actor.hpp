// The uplink actor: see uplink_interface.hpp.
#pragma once

#include "api/outbound/worker_pool.hpp"
#include "api/result.hpp"
#include "runtime/environment.hpp"
#include "runtime/link/link_socket.hpp"
#include "runtime/link/uplink_interface.hpp"

#include <chrono>
#include <functional>
#include <map>

namespace thespis::runtime::link {

struct uplink_deps {
  environment env;
  /// Connects to the server and leaves HTTP; blocks, on a thread of `blocking`.
  std::function<api::result<link_socket>()> dial;
  std::shared_ptr<api::outbound::worker_pool> blocking;
  link_hello hello;
  guard_limits limits = {};
  /// Told of every welcome, on the actor's thread.
  std::function<void(const link_welcome&)> on_welcome;
  /// Told when the link comes and goes, with the reason; on the actor's thread.
  std::function<void(bool linked, const std::string& why)> on_change = nullptr;
  /// Runs now and then where it may block: renews what the machine proves itself with.
  std::function<void()> maintain = nullptr;
  std::chrono::seconds maintain_interval{60};
  std::chrono::milliseconds first_wait{100}; ///< before the second attempt; doubled ...
  std::chrono::milliseconds longest_wait{5000};
};

/// One an agent. Invariant: the directory has a gateway exactly while the link is greeted.
class uplink_actor : public actor_base<uplink_handle> {
public:
  uplink_actor(caf::actor_config& cfg, uplink_deps deps);
  behavior_type make_behavior() override;
  void on_exit() override;

protected:
  std::string describe() const override;

private:
  void dial();
  void open(dialed& d);
  void greet(const link_opened& o);
  void welcome(uint64_t epoch, const gateway_handle& gateway, const link_welcome& w);
  void announce(const std::string& role, const caf::strong_actor_ptr& actor);
  void lose(uint64_t epoch, const std::string& why);
  void retry(const std::string& why);
  void maintain();

  const uplink_deps deps_;
  uint64_t epoch_ = 0;
  std::shared_ptr<link_state> state_;
  gateway_handle gateway_; ///< null while the link is down
  std::map<std::string, caf::strong_actor_ptr> roles_;
  std::chrono::milliseconds wait_;
  std::string trouble_; ///< the last one, so that it is logged once
};

} // namespace thespis::runtime::link
