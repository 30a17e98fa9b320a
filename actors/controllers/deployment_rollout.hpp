// One reconcile of one Deployment: what it finds, what it decides, and the calls that come of it.
#pragma once

#include "actors/controllers/deployment_model.hpp"
#include "actors/controllers/pods_of.hpp"
#include "actors/framework/reconciler.hpp"

#include <string>
#include <vector>

namespace thespis::actors::deployments {

/// A ReplicaSet as it is and as it shall be.
struct working_set {
  observed<replica_set> seen;
  replica_set now;
  bool changed = false;
  std::string news; ///< what to tell of its new size
};

/// Lives for one reconcile. Decides on copies; in the end what changed becomes calls.
class rollout {
public:
  /// `sets` are the Deployment's own. The arguments must outlive the rollout.
  rollout(const observed<deployment>& d, const std::vector<observed<replica_set>>& sets,
          const view& v, wall_time now);

  /// Decides. Call once.
  reconcile_result run();

private:
  std::vector<working_set*> old_sets();
  std::vector<working_set*> active_sets();
  int32_t total() const;
  int64_t next_revision();

  void sync_pause_condition();
  void sync_revision();
  bool is_scaling_event();
  void resize(working_set& s, int32_t size);
  void scale_in_proportion();
  void share_out(std::vector<working_set*> sets, int32_t to_add);

  reconcile_result roll();
  bool grow_new_set();
  bool shrink_old_sets();
  bool remove_unhealthy(int32_t budget);
  reconcile_result recreate();
  bool old_pods_left();
  void clean_history();
  reconcile_result create_new_set();
  static reconcile_result tell_creation(const observed<deployment>& seen, deployment d,
                                        const replica_set& made, const call_result& outcome,
                                        wall_time now);

  deployment_status counted() const;
  void report_counts();
  void report_rollout();
  void report_failures(deployment_status& status) const;
  void look_again();
  reconcile_result result();

  const observed<deployment>& seen_;
  const view& view_;
  const wall_time now_;
  deployment d_;                  ///< with the annotations and the status it shall have
  std::vector<working_set> sets_; ///< oldest first
  working_set* new_ = nullptr;    ///< the one of the present template
  std::vector<api::call> deletions_;
  reconcile_result res_;
};

} // namespace thespis::actors::deployments
