// The scheduler actor: see scheduler_interface.hpp.
#pragma once

#include "actors/framework/event_recorder.hpp"
#include "actors/scheduler/scheduler_interface.hpp"
#include "actors/scheduler/scheduler_state.hpp"
#include "runtime/environment.hpp"
#include "runtime/requests/requests_interface.hpp"

#include <memory>
#include <string>
#include <vector>

namespace thespis::actors {

struct scheduler_deps {
  runtime::environment env;
  std::string name = "default-scheduler";
  /// Who runs its calls, by role.
  std::string requests_role{runtime::requests_role};
};

/// What it follows.
std::vector<std::string> scheduler_resources();
/// The user that it writes as.
inline constexpr const char* scheduler_user_name = "system:kube-scheduler";

/// Takes a snapshot of its cache for each batch of waiting pods and submits the plan.
class scheduler_actor : public runtime::actor_base<scheduler_handle> {
public:
  scheduler_actor(caf::actor_config& cfg, scheduler_deps deps);
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  void subscribe_all();
  void handle(const runtime::watch_batch& batch);
  void wake();
  void run();
  void bind(std::vector<placement> plan);
  void bind_volumes(const std::vector<placement>& waiting);
  void note_failures(const std::vector<placement>& failed);
  void arm_retry();
  scheduler_state::time now() { return this->clock().now().time_since_epoch(); }

  scheduler_deps deps_;
  std::unique_ptr<scheduler_state> state_;
  event_recorder recorder_;
  uint64_t unsynced_ = 1; ///< watches whose initial state is not complete yet
  bool scheduled_ = false;
  std::optional<scheduler_state::time> retry_at_; ///< when the armed timer rings
  uint64_t retry_timer_ = 0;
  uint64_t bound_ = 0;
  uint64_t generation_ = 0; ///< of the subscriptions; older ones are void
};

} // namespace thespis::actors
