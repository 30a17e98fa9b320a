#include "actors/controllers/cron_job.hpp"

#include "actors/controllers/notes.hpp"
#include "actors/controllers/pods_of.hpp"
#include "api/generated/batch_v1.hpp"
#include "api/text/cron.hpp"
#include "api/text/time.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

using api::v1::cron_job;
using api::v1::job;
using observed_job = observed<job>;

constexpr const char* scheduled_key = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/// More missed times than this are told of: somebody's clock or schedule is wrong.
constexpr int many_missed = 100;
constexpr int32_t kept_successes = 3;
constexpr int32_t kept_failures = 1;

/// "Complete", "Failed", or nothing while it runs.
std::string end_of(const job& j) {
  for (const auto& c : j.status.conditions)
    if ((c.type == "Complete" || c.type == "Failed") && c.status == "True")
      return c.type;
  return {};
}

std::optional<wall_time> time_of(const std::string& text) {
  const auto t = api::parse_time(text);
  return t ? std::optional{wall_time{*t}} : std::nullopt;
}

/// One CronJob and its jobs at one moment.
class cron_step {
public:
  cron_step(observed<cron_job> cron, const view& v, wall_time now)
      : cron_(std::move(cron)), now_(now), status_(cron_->status) {
    for (auto& j : v.owned_by<job>(cron_.object->uid()))
      if (controlled_by(*j.object, cron_.object->uid()))
        jobs_.push_back(std::move(j));
  }

  reconcile_result run();

private:
  bool is_listed(const observed_job& j) const;
  /// Started by the schedule, even if that was not written down in time.
  bool is_own(const observed_job& j) const {
    return is_listed(j) || j->metadata.annotations.contains(scheduled_key);
  }
  void tell_strays();
  void look_at_jobs();
  void forget_old_jobs();
  void start(wall_time scheduled);
  std::optional<wall_time> missed(const api::cron_schedule& s);
  void note(std::string type, std::string reason, std::string message) {
    res_.events.push_back(
        note_about(cron_, std::move(type), std::move(reason), std::move(message)));
  }
  void write_status();

  observed<cron_job> cron_;
  wall_time now_;
  api::v1::cron_job_status status_;
  std::vector<observed_job> jobs_;
  reconcile_result res_;
};

bool cron_step::is_listed(const observed_job& j) const {
  return std::any_of(status_.active.begin(), status_.active.end(),
                     [&](const auto& ref) { return ref.uid == j.object->uid(); });
}

/// Jobs that run without having been started by us, and those we started that are not there. The
/// former take no part in the schedule.
void cron_step::tell_strays() {
  for (const auto& j : jobs_)
    if (end_of(*j).empty() && !is_own(j))
      note("Warning", "UnexpectedJob",
           "Saw a job that the controller did not create or forgot: " + j.object->name());
  for (const auto& ref : status_.active)
    if (std::none_of(jobs_.begin(), jobs_.end(),
                     [&](const auto& j) { return j.object->uid() == ref.uid; }))
      note("Normal", "MissingJob", "Active job went missing: " + ref.name);
}

void cron_step::look_at_jobs() {
  tell_strays();
  std::vector<api::v1::object_reference> active;
  for (const auto& j : jobs_) {
    const auto end = end_of(*j);
    if (end.empty()) {
      if (!is_own(j))
        continue;
      auto& ref = active.emplace_back();
      ref.kind = job::kind_name;
      ref.namespace_ = j.object->ns();
      ref.name = j.object->name();
      ref.uid = j.object->uid();
      ref.api_version = job::api_version_name;
      continue;
    }
    if (is_listed(j))
      note("Normal", "SawCompletedJob",
           "Saw completed job: " + j.object->name() + ", condition: " + end);
    if (end == "Complete" && j->status.completion_time > status_.last_successful_time)
      status_.last_successful_time = j->status.completion_time;
  }
  status_.active = std::move(active);
}

void cron_step::forget_old_jobs() {
  const auto forget = [&](const char* end, std::optional<int32_t> limit, int32_t fallback) {
    std::vector<const observed_job*> ended;
    for (const auto& j : jobs_)
      if (end_of(*j) == end && !j.object->meta().deleting)
        ended.push_back(&j);
    std::sort(ended.begin(), ended.end(), [](const auto* a, const auto* b) {
      return std::tie((*a)->status.start_time, a->object->name()) <
             std::tie((*b)->status.start_time, b->object->name());
    });
    const auto keep = static_cast<size_t>(std::max(0, limit.value_or(fallback)));
    for (size_t i = 0; i + keep < ended.size(); ++i) {
      res_.calls.push_back(delete_call(*ended[i]->object));
      note("Normal", "SuccessfulDelete", "Deleted job " + ended[i]->object->name());
    }
  };
  forget("Complete", cron_->spec.successful_jobs_history_limit, kept_successes);
  forget("Failed", cron_->spec.failed_jobs_history_limit, kept_failures);
}

/// The newest time that is due and has no job yet.
std::optional<wall_time> cron_step::missed(const api::cron_schedule& s) {
  auto from = time_of(status_.last_schedule_time)
                  .value_or(time_of(cron_->metadata.creation_timestamp).value_or(now_));
  if (const auto deadline = cron_->spec.starting_deadline_seconds)
    from = std::max(from, now_ - std::chrono::seconds{*deadline});
  std::optional<wall_time> res;
  int count = 0;
  for (auto t = s.next(from, cron_->spec.time_zone); t && *t <= now_;
       t = s.next(*res, cron_->spec.time_zone)) {
    res = *t;
    // A long sleep of a fast schedule: begin again close to now.
    if (++count == many_missed) {
      note("Warning", "TooManyMissedTimes",
           "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check "
           "clock skew");
      const auto step = s.next(*res, cron_->spec.time_zone);
      if (step && *step > *res)
        res = std::max(*res, *res + (now_ - *res) / (*step - *res) * (*step - *res) -
                                 std::chrono::hours{1});
    }
  }
  return res;
}

void cron_step::start(wall_time scheduled) {
  const auto minutes = std::chrono::floor<std::chrono::minutes>(scheduled.time_since_epoch());
  job j;
  j.metadata = cron_->spec.job_template.metadata;
  j.metadata.name = cron_.object->name() + "-" + std::to_string(minutes.count());
  j.metadata.namespace_ = cron_.object->ns();
  j.metadata.owner_references = {controller_reference(*cron_)};
  j.metadata.annotations[scheduled_key] = api::format_time(scheduled);
  j.spec = cron_->spec.job_template.spec;
  const auto place = res_.calls.size();
  res_.calls.push_back(create_call(j));
  auto changed = *cron_;
  changed.status = status_;
  changed.status.last_schedule_time = api::format_time(scheduled);
  res_.then = [cron = cron_, changed, place,
               name = j.metadata.name](const std::vector<call_result>& results) {
    reconcile_result next;
    const auto& made = results[place];
    const bool exists = !made.ok && made.failure.why == api::reason::already_exists;
    if (!made.ok && !exists) {
      next.events.push_back(note_about(cron, "Warning", "FailedCreate",
                                       "Error creating job: " + made.failure.message));
      next.retry = true;
      return next;
    }
    if (made.ok)
      next.events.push_back(note_about(cron, "Normal", "SuccessfulCreate", "Created job " + name));
    next.calls.push_back(update_call(changed, "status"));
    return next;
  };
}

void cron_step::write_status() {
  if (status_ == cron_->status)
    return;
  auto changed = *cron_;
  changed.status = status_;
  res_.calls.push_back(update_call(changed, "status"));
}

reconcile_result cron_step::run() {
  look_at_jobs();
  forget_old_jobs();
  if (cron_.object->meta().deleting || cron_->spec.suspend.value_or(false)) {
    write_status();
    return std::move(res_);
  }
  std::string why;
  const auto schedule = api::cron_schedule::parse(cron_->spec.schedule, why);
  if (!schedule) {
    note("Warning", "UnparseableSchedule",
         "unparseable schedule: \"" + cron_->spec.schedule + "\" : " + why);
    write_status();
    return std::move(res_);
  }
  if (const auto next = schedule->next(now_, cron_->spec.time_zone))
    res_.requeue_after = *next - now_;
  const auto due = missed(*schedule);
  if (!due) {
    write_status();
    return std::move(res_);
  }
  if (cron_->spec.concurrency_policy == "Forbid" && !status_.active.empty()) {
    note("Normal", "JobAlreadyActive",
         "Not starting job because prior execution is running and concurrency policy is Forbid");
    write_status();
    return std::move(res_);
  }
  if (cron_->spec.concurrency_policy == "Replace")
    for (const auto& j : jobs_)
      if (end_of(*j).empty() && !j.object->meta().deleting) {
        res_.calls.push_back(delete_call(*j.object));
        note("Normal", "SuccessfulDelete", "Deleted job " + j.object->name());
      }
  start(*due);
  return std::move(res_);
}

class cron_job_controller final : public reconciler {
public:
  std::string_view name() const override { return "cronjob"; }

  std::vector<watch_spec> watches() const override {
    return {{std::string{cron_job::resource_name}, self_key()},
            {std::string{job::resource_name}, owner_key(std::string{cron_job::kind_name})}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    auto cron = v.get<cron_job>(key.ns, key.name);
    if (!cron)
      return {};
    return cron_step{std::move(cron), v, now}.run();
  }
};

} // namespace

std::unique_ptr<reconciler> make_cron_job_controller() {
  return std::make_unique<cron_job_controller>();
}

} // namespace thespis::actors
