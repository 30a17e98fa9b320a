// The relay actor: on an agent, plays the registry of a resource of which no copy is kept. Each
// watch is one of the server's, for as long as somebody watches.
#pragma once

#include "runtime/environment.hpp"
#include "runtime/link/replica_interface.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <string>

namespace thespis::runtime::link {

using relay_handle =
    registry_handle::extend<caf::reacts_to<watch_batch>, caf::reacts_to<watch_closed>,
                            /// INTERNAL
                            caf::reacts_to<replica_tick>>;

struct relay_deps {
  std::shared_ptr<directory> links; ///< where the gateway is found
  std::string resource;
  bool brief = false; ///< as in open_watch
  /// Before a watcher is told that the server has refused its watch, so that it does not ask anew
  /// all the time.
  std::chrono::milliseconds refused_delay{2000};
};

/// Watches wait for a link. One that a link is lost under is closed: its watcher begins anew, and
/// is sent the whole state.
class relay_actor : public actor_base<relay_handle> {
public:
  relay_actor(caf::actor_config& cfg, relay_deps deps);
  behavior_type make_behavior() override;
  void on_exit() override;

protected:
  std::string describe() const override;

private:
  using watch_key = std::pair<caf::actor_addr, uint64_t>; ///< the watcher and its number
  struct watch {
    watcher_handle watcher;
    uint64_t number = 0; ///< the watcher's
    api::selection what;
    uint64_t from_revision = 0;
    bool open = false; ///< the server has been asked
  };

  void begin(const subscribe& s);
  void end(const caf::actor_addr& watcher, uint64_t number);
  void forget(std::map<uint64_t, watch>::iterator i);
  void find_gateway();
  void lose_gateway();

  const relay_deps deps_;
  gateway_handle gateway_;
  uint64_t next_ = 1;
  std::map<uint64_t, watch> watches_; ///< by the number that the server knows
  std::map<watch_key, uint64_t> numbers_;
  std::string trouble_; ///< the last refusal, so that it is logged once
};

} // namespace thespis::runtime::link
