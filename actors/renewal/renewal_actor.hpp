// Looks after what expires: runs a piece of work now and then, off the actor's thread.
#pragma once

#include "actors/pod/continuation.hpp"
#include "runtime/actor_base.hpp"
#include "runtime/environment.hpp"

#include <chrono>
#include <functional>
#include <memory>

namespace thespis::actors {

struct renewal_deps {
  std::shared_ptr<const runtime::clock_port> clock;
  std::chrono::seconds interval = std::chrono::hours{1};
  /// Where work may block; false when there is too much of it already: tried again soon.
  std::function<bool(std::function<void()>)> run;
  /// Renews what is due at that time. Never runs twice at a time.
  std::function<void(runtime::wall_time)> renew;
};

/// One a server. The first look comes after one interval: who starts it has just looked.
class renewal_actor : public runtime::actor_base<continuable> {
public:
  renewal_actor(caf::actor_config& cfg, renewal_deps deps)
      : actor_base(cfg, "renewal"), deps_(std::move(deps)) {}
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  void wait(std::chrono::seconds delay);
  void look();

  renewal_deps deps_;
  uint64_t looks_ = 0;
};

} // namespace thespis::actors
