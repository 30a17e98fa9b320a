// Runs a reconciler as an actor: watches, queues keys, writes, backs off.
#pragma once

#include "actors/framework/controller_interface.hpp"
#include "actors/framework/event_recorder.hpp"
#include "actors/framework/reconciler.hpp"
#include "actors/framework/work_queue.hpp"
#include "runtime/environment.hpp"
#include "runtime/requests/requests_interface.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::actors {

struct controller_deps {
  runtime::environment env;
  /// Makes the reconciler; called again when the actor is restarted.
  std::function<std::unique_ptr<reconciler>()> make;
  back_off_limits back_off = {};
  /// Who runs its calls, by role.
  std::string requests_role{runtime::requests_role};
};

/// Whom a controller of that name writes as: "system:controller:replicaset".
std::string controller_user_name(std::string_view controller);

/// One a controller. Invariants: a key is reconciled by one reconcile at a time; after its calls
/// were written, the key rests until the view shows them.
class controller_actor : public runtime::actor_base<controller_handle> {
public:
  controller_actor(caf::actor_config& cfg, controller_deps deps)
      : controller_actor(cfg, deps, deps.make()) {}
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  controller_actor(caf::actor_config& cfg, const controller_deps& deps,
                   std::unique_ptr<reconciler> work);

  /// The calls of one key in a batch under way.
  struct attempt {
    object_id key;
    size_t first = 0;
    size_t count = 0;
    reconcile_result work;                      ///< its calls are in the batch
    std::map<std::string, uint64_t> until = {}; ///< revisions written so far, by resource
    bool failed = false;
  };
  /// A key that waits for the view to show what it wrote.
  struct resting {
    object_id key;
    std::map<std::string, uint64_t> until;
    bool failed = false;
  };

  void subscribe_to(uint64_t watch);
  void refresh();
  void end_watch(uint64_t watch);
  void handle(const runtime::watch_batch& batch);
  void resync(uint64_t watch);
  api::object_ptr known_before(uint64_t watch, const api::object& o) const;
  void add_keys(const watch_spec& spec, const api::object& o, const api::object_ptr& previous);
  bool all_synced() const;
  void schedule_run();
  void run();
  void forget_if_idle();
  std::optional<attempt> reconcile_one(const object_id& key);
  void write(std::vector<attempt> attempts);
  void settle(std::vector<attempt>& attempts, const std::vector<runtime::call_outcome>& outcomes);
  std::vector<call_result> note_results(attempt& a,
                                        const std::vector<runtime::call_outcome>& outcomes);
  bool take_next_step(attempt& a, const std::vector<call_result>& results);
  void finish(attempt& done);
  void rest(attempt& done);
  void wake_in(std::chrono::nanoseconds wait, const object_id& key);
  void retry(const object_id& key);
  void release_rested();
  void record(const std::vector<const event_note*>& notes);

  runtime::environment env_;
  const std::string requests_role_;
  std::unique_ptr<reconciler> work_;
  std::vector<watch_spec> watches_;
  std::vector<caf::actor_addr> registries_; ///< who serves each watch
  std::set<uint64_t> ended_;                ///< watches that are no longer wanted
  view view_;
  work_queue queue_;
  event_recorder recorder_;
  std::map<uint64_t, std::map<object_id, api::object_ptr>> stale_; ///< known before a resync
  std::vector<resting> resting_;
  std::map<object_id, caf::actor_clock::time_point> wakes_; ///< the next requested wake of a key
  bool run_scheduled_ = false;
  bool forget_scheduled_ = false;
  caf::actor_clock::time_point last_run_;
  uint64_t reconciles_ = 0;
  uint64_t failures_ = 0;
};

} // namespace thespis::actors
