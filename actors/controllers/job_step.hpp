// One look at one Job: counts what ended, judges whether it is done, starts and ends pods.
#pragma once

#include "actors/controllers/job_pods.hpp"
#include "actors/framework/reconciler.hpp"

#include <map>
#include <string>
#include <vector>

namespace thespis::actors::jobs {

class job_step {
public:
  job_step(observed<job> j, const view& v, wall_time now)
      : job_(std::move(j)), view_(v), now_(now), status_(job_->status) {}

  reconcile_result run();

private:
  /// What makes a job end.
  struct verdict {
    bool success = false;
    std::string reason;
    std::string message;
  };

  bool claim();
  void finish_later();
  bool count_ended();
  void count_indexes();
  void look_at_pods();
  std::optional<verdict> judge_job();
  std::optional<verdict> judge_failures();
  void end(const verdict& v);
  void conclude(const verdict& v);
  void suspend_or_resume();
  void manage();
  void start_pods(int32_t n);
  void start_indexed(int32_t n);
  void make(std::optional<int32_t> index, int32_t failures);
  void remove(const observed_pod& p);
  std::chrono::nanoseconds back_off(const std::vector<const observed_pod*>& failures) const;
  bool set_condition(std::string type, std::string status, std::string reason, std::string message);
  const api::v1::job_condition* condition(std::string_view type) const;
  bool has(std::string_view type) const;
  void write_status();
  void look_again(std::chrono::nanoseconds after);
  int32_t total_succeeded() const;
  int32_t total_failed() const;

  observed<job> job_;
  const view& view_;
  wall_time now_;
  api::v1::job_status status_;
  std::vector<observed_pod> pods_;
  std::vector<observed_pod> active_;
  int32_t ending_ = 0;
  index_set completed_;
  index_set failed_;
  std::optional<verdict> policy_; ///< what the failure policy ends the job with
  reconcile_result res_;
};

} // namespace thespis::actors::jobs
