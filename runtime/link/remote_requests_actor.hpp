// The remote requests actor: an agent's request bridge. Calls go through the gateway to the server.
#pragma once

#include "runtime/environment.hpp"
#include "runtime/link/gateway_interface.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>

namespace thespis::runtime::link {

/// INTERNAL: calls have waited for the link long enough, or may go now.
struct look_at_waiting {};

using remote_requests_handle = requests_handle::extend<caf::reacts_to<look_at_waiting>>;

struct remote_requests_deps {
  environment env;
  std::chrono::milliseconds patience{10'000}; ///< how long calls wait for a link
  size_t max_waiting = 512;                   ///< batches
  size_t message_bytes = 2 << 20;             ///< bodies in one message; larger batches are cut
};

/// Plays the role `requests` on an agent. A call that was sent and not answered has failed as far
/// as its caller is told: whether it took effect is not known, and callers look and try again.
class remote_requests_actor : public actor_base<remote_requests_handle> {
public:
  remote_requests_actor(caf::actor_config& cfg, remote_requests_deps deps)
      : actor_base(cfg, "requests"), deps_(std::move(deps)) {}
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  struct waiting {
    call_batch batch;
    caf::typed_response_promise<call_outcomes> promise;
    std::chrono::steady_clock::duration since{};
  };

  /// Part of a batch whose answer has not come.
  struct part_under_way {
    caf::actor_addr gateway;
    std::function<void(std::vector<call_outcome>)> arrive;
    size_t calls = 0;
  };

  void forward(const gateway_handle& gateway, call_batch batch,
               caf::typed_response_promise<call_outcomes> promise);
  void finish(uint64_t part, std::vector<call_outcome> outcomes);
  void look();

  const remote_requests_deps deps_;
  std::deque<waiting> waiting_;
  caf::actor_addr monitored_; ///< the gateway whose end is told
  uint64_t next_part_ = 1;
  std::map<uint64_t, part_under_way> parts_;
};

} // namespace thespis::runtime::link

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::link::look_at_waiting)
