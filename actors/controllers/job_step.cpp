#include "actors/controllers/job_step.hpp"

#include "actors/controllers/content.hpp"
#include "actors/controllers/notes.hpp"
#include "actors/controllers/selectors.hpp"
#include "api/text/time.hpp"

#include <algorithm>
#include <limits>

namespace thespis::actors::jobs {

using namespace std::chrono_literals;

namespace {

/// So many pods are started by one look.
constexpr int32_t burst = 500;
constexpr auto first_back_off = 10s;
constexpr auto longest_back_off = 10min;
constexpr int32_t most_indexes = 100'000;

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

/// The patch, which also puts the finalizer of tracking on the pod or takes it off.
api::call tracked(api::call patch, const api::object& pod, bool on) {
  auto finalizers = finalizers_of(pod);
  std::erase(finalizers, std::string{tracking_finalizer});
  if (on)
    finalizers.emplace_back(tracking_finalizer);
  auto body = api::json::parse(patch.body);
  if (!body)
    return patch;
  auto& a = body->GetAllocator();
  api::json::value list{rapidjson::kArrayType};
  for (const auto& f : finalizers)
    list.PushBack(api::json::make_string(f, a), a);
  auto& meta = api::json::ensure_object(*body, "metadata", a);
  api::json::set(meta, "finalizers", std::move(list), a);
  // The list is replaced as a whole: nobody else may have changed it meanwhile.
  api::json::set(meta, "resourceVersion", std::to_string(pod.revision()), a);
  patch.body = api::json::to_string(*body);
  return patch;
}

int32_t size_of(const std::vector<std::string>& v) {
  return static_cast<int32_t>(v.size());
}

} // namespace

const api::v1::job_condition* job_step::condition(std::string_view type) const {
  const auto i = std::find_if(status_.conditions.begin(), status_.conditions.end(),
                              [&](const auto& c) { return c.type == type; });
  return i == status_.conditions.end() ? nullptr : &*i;
}

bool job_step::has(std::string_view type) const {
  const auto* c = condition(type);
  return c && c->status == "True";
}

bool job_step::set_condition(std::string type, std::string status, std::string reason,
                             std::string message) {
  if (const auto* known = condition(type); known && known->status == status)
    return false;
  std::erase_if(status_.conditions, [&](const auto& c) { return c.type == type; });
  auto& c = status_.conditions.emplace_back();
  c.type = std::move(type);
  c.status = std::move(status);
  c.reason = std::move(reason);
  c.message = std::move(message);
  c.last_probe_time = c.last_transition_time = api::format_time(now_);
  return true;
}

void job_step::look_again(std::chrono::nanoseconds after) {
  res_.requeue_after = std::min(res_.requeue_after.value_or(after), after);
}

int32_t job_step::total_succeeded() const {
  const auto* u = status_.uncounted_terminated_pods.get();
  return status_.succeeded.value_or(0) + (u && !is_indexed(*job_) ? size_of(u->succeeded) : 0);
}

int32_t job_step::total_failed() const {
  const auto* u = status_.uncounted_terminated_pods.get();
  return status_.failed.value_or(0) + (u ? size_of(u->failed) : 0);
}

/// Finds the job's pods. False when some change hands first.
bool job_step::claim() {
  if (!job_->spec.selector)
    return false;
  const auto selector = selector_of(*job_->spec.selector);
  const auto& uid = job_.object->uid();
  for (auto& p : view_.owned_by<api::v1::pod>(uid)) {
    if (!controlled_by(*p.object, uid))
      continue;
    if (selector.matches(p.object->labels()))
      pods_.push_back(std::move(p));
    else if (!p.object->meta().deleting)
      res_.calls.push_back(tracked(release_call(*p.object, uid), *p.object, false));
  }
  if (!job_.object->meta().deleting)
    view_.for_each("pods", job_.object->ns(), [&](const api::object_ptr& o) {
      if (!has_controller(*o) && !o->meta().deleting && selector.matches(o->labels()))
        res_.calls.push_back(tracked(adopt_call(*o, controller_reference(*job_)), *o, true));
    });
  return res_.calls.empty();
}

/// Brings ended pods into the counts: first the status names them, then their finalizer goes, then
/// they are numbers. False while that is under way and nothing else may be decided.
bool job_step::count_ended() {
  auto& uncounted = status_.uncounted_terminated_pods.ensure();
  std::set<std::string> tracked;
  std::vector<api::call> take_off;
  bool named = false;
  for (const auto& p : pods_) {
    if (!is_tracked(*p))
      continue;
    const bool good = succeeded(*p), bad = failed(*job_, *p);
    const auto& uid = p.object->uid();
    if (!good && !bad)
      continue;
    tracked.insert(uid);
    if (!contains(uncounted.succeeded, uid) && !contains(uncounted.failed, uid)) {
      const auto verdict = bad ? judge(*job_, *p) : failure_verdict{};
      if (verdict.what == failure_verdict::action::fail_job && !policy_)
        policy_ = {false, "PodFailurePolicy", verdict.message};
      if (good)
        uncounted.succeeded.push_back(uid);
      else if (verdict.what != failure_verdict::action::ignore)
        uncounted.failed.push_back(uid);
      named = true;
    }
    auto rest = p->metadata.finalizers;
    std::erase(rest, std::string{tracking_finalizer});
    take_off.push_back(set_finalizers_call(*p.object, rest));
  }
  // Those whose finalizer is off are numbers from now on.
  const auto settle = [&](std::vector<std::string>& uids, std::optional<int32_t>& count) {
    const auto gone = std::erase_if(uids, [&](const auto& uid) { return !tracked.contains(uid); });
    count = unless_zero(count.value_or(0) + static_cast<int32_t>(gone));
  };
  settle(uncounted.succeeded, status_.succeeded);
  settle(uncounted.failed, status_.failed);
  if (is_indexed(*job_))
    count_indexes();
  if (!named && take_off.empty())
    return true;
  if (policy_)
    set_condition("FailureTarget", "True", policy_->reason, policy_->message);
  write_status();
  if (res_.calls.empty())
    res_.calls = std::move(take_off);
  else
    res_.then = [take_off = std::move(take_off)](const std::vector<call_result>& results) {
      reconcile_result next;
      // A status that was not written says nothing of the pods: they stay marked.
      if (std::all_of(results.begin(), results.end(), [](const auto& r) { return r.ok; }))
        next.calls = take_off;
      else
        next.retry = true;
      return next;
    };
  return false;
}

void job_step::count_indexes() {
  const auto all = std::min(job_->spec.completions.value_or(0), most_indexes);
  completed_ = parse_indexes(status_.completed_indexes, all);
  for (const auto& p : pods_)
    if (const auto i = index_of(*p); i && *i < all && succeeded(*p))
      completed_.insert(*i);
  status_.completed_indexes = to_text(completed_);
  status_.succeeded = unless_zero(static_cast<int32_t>(completed_.size()));
  if (!job_->spec.backoff_limit_per_index)
    return;
  failed_ = parse_indexes(status_.failed_indexes, all);
  for (const auto& p : pods_) {
    const auto i = index_of(*p);
    if (!i || *i >= all || completed_.contains(*i) || !failed(*job_, *p))
      continue;
    const auto verdict = judge(*job_, *p).what;
    if (verdict == failure_verdict::action::fail_index ||
        (verdict == failure_verdict::action::count &&
         index_failures(*p) >= *job_->spec.backoff_limit_per_index))
      failed_.insert(*i);
  }
  status_.failed_indexes = to_text(failed_);
}

void job_step::look_at_pods() {
  int32_t ready = 0;
  for (const auto& p : pods_) {
    const bool ended = succeeded(*p) || p->status.phase == "Failed";
    if (ended)
      continue;
    if (p.object->meta().deleting) {
      ++ending_;
      continue;
    }
    active_.push_back(p);
    ready += is_ready(*p);
  }
  status_.active = unless_zero(static_cast<int32_t>(active_.size()));
  status_.ready = ready;
  status_.terminating = ending_;
}

std::optional<job_step::verdict> job_step::judge_failures() {
  const auto limit = job_->spec.backoff_limit.value_or(6);
  int64_t restarts = 0;
  if (job_->spec.template_.spec.restart_policy == "OnFailure")
    for (const auto& p : active_)
      for (const auto* all : {&p->status.init_container_statuses, &p->status.container_statuses})
        for (const auto& c : *all)
          restarts += c.restart_count;
  if (total_failed() > limit || (restarts > 0 && restarts >= limit))
    return verdict{false, "BackoffLimitExceeded", "Job has reached the specified backoff limit"};
  if (job_->spec.active_deadline_seconds && !status_.start_time.empty()) {
    const auto since = api::parse_time(status_.start_time);
    const auto deadline = std::chrono::seconds{*job_->spec.active_deadline_seconds};
    if (since && wall_time{*since} + deadline <= now_)
      return verdict{false, "DeadlineExceeded", "Job was active longer than specified deadline"};
    if (since)
      look_again(wall_time{*since} + deadline - now_);
  }
  if (job_->spec.backoff_limit_per_index) {
    const auto bad = static_cast<int32_t>(failed_.size());
    if (job_->spec.max_failed_indexes && bad > *job_->spec.max_failed_indexes)
      return verdict{false, "MaxFailedIndexesExceeded",
                     "Job has exceeded the specified maximal number of failed indexes"};
    if (bad > 0 &&
        bad + static_cast<int32_t>(completed_.size()) >= job_->spec.completions.value_or(0))
      return verdict{false, "FailedIndexes", "Job has failed indexes"};
  }
  return std::nullopt;
}

std::optional<job_step::verdict> job_step::judge_job() {
  if (const auto* c = condition("FailureTarget"); c && c->status == "True")
    return verdict{false, c->reason, c->message};
  if (const auto* c = condition("SuccessCriteriaMet"); c && c->status == "True")
    return verdict{true, c->reason, c->message};
  if (auto v = judge_failures())
    return v;
  if (const auto rule = met_success_rule(*job_, completed_))
    return verdict{true, "SuccessPolicy", "Matched rules at index " + std::to_string(*rule)};
  const auto done = total_succeeded();
  const bool complete = job_->spec.completions ? done >= *job_->spec.completions
                                               : done > 0 && active_.empty() && ending_ == 0;
  if (complete && !job_->spec.suspend.value_or(false))
    return verdict{true, "CompletionsReached", "Reached expected number of succeeded pods"};
  return std::nullopt;
}

void job_step::remove(const observed_pod& p) {
  if (p.object->meta().deleting)
    return;
  res_.calls.push_back(delete_call(*p.object));
  auto note = note_about(job_, "Normal", "SuccessfulDelete", "Deleted pod: " + p.object->name());
  note.of_call = res_.calls.size() - 1;
  res_.events.push_back(std::move(note));
}

/// Ends the pods that still run; the job itself ends when all of them have.
void job_step::end(const verdict& v) {
  set_condition(v.success ? "SuccessCriteriaMet" : "FailureTarget", "True", v.reason, v.message);
  for (const auto& p : active_)
    remove(p);
  if (active_.empty() && ending_ == 0)
    conclude(v);
}

void job_step::conclude(const verdict& v) {
  if (v.success) {
    status_.completion_time = api::format_time(now_);
    set_condition("Complete", "True", v.reason, v.message);
    res_.events.push_back(note_about(job_, "Normal", "Completed", "Job completed"));
  } else {
    set_condition("Failed", "True", v.reason, v.message);
    res_.events.push_back(note_about(job_, "Warning", v.reason, v.message));
  }
}

void job_step::suspend_or_resume() {
  if (job_->spec.suspend.value_or(false)) {
    if (set_condition("Suspended", "True", "JobSuspended", "Job suspended"))
      res_.events.push_back(note_about(job_, "Normal", "Suspended", "Job suspended"));
    status_.start_time.clear();
    return;
  }
  if (has("Suspended") && set_condition("Suspended", "False", "JobResumed", "Job resumed")) {
    res_.events.push_back(note_about(job_, "Normal", "Resumed", "Job resumed"));
    status_.start_time = api::format_time(now_);
  }
  if (status_.start_time.empty())
    status_.start_time = api::format_time(now_);
}

/// How long nothing new is started after these failures: 10 s, doubled for each, since the last.
std::chrono::nanoseconds
job_step::back_off(const std::vector<const observed_pod*>& failures) const {
  wall_time last{};
  for (const auto* p : failures)
    last = std::max(last, finished_at(**p));
  if (failures.empty() || last == wall_time{})
    return 0ns;
  std::chrono::nanoseconds wait = first_back_off;
  for (size_t i = 1; i < failures.size() && wait < longest_back_off; ++i)
    wait *= 2;
  return last + std::min<std::chrono::nanoseconds>(wait, longest_back_off) - now_;
}

void job_step::make(std::optional<int32_t> index, int32_t failures) {
  res_.calls.push_back(create_call(make_pod(*job_, index, failures)));
}

/// Starts pods for indexes that have none, the lowest first.
void job_step::start_indexed(int32_t n) {
  std::map<int32_t, std::vector<const observed_pod*>> failures;
  index_set busy;
  for (const auto& p : pods_) {
    const auto i = index_of(*p);
    if (!i)
      continue;
    if (failed(*job_, *p))
      failures[*i].push_back(&p);
    else if (!succeeded(*p))
      busy.insert(*i);
  }
  const auto all = std::min(job_->spec.completions.value_or(0), most_indexes);
  for (int32_t i = 0; i < all && n > 0; ++i) {
    if (busy.contains(i) || completed_.contains(i) || failed_.contains(i))
      continue;
    int32_t count = 0;
    if (const auto f = failures.find(i); f != failures.end()) {
      for (const auto* p : f->second)
        count = std::max(count, index_failures(**p) + 1);
      if (job_->spec.backoff_limit_per_index)
        if (const auto wait = back_off(f->second); wait > 0ns) {
          look_again(wait);
          continue;
        }
    }
    make(i, count);
    --n;
  }
}

void job_step::start_pods(int32_t n) {
  n = std::min(n, burst);
  if (!job_->spec.backoff_limit_per_index) {
    // Failures since the last success hold up all that is new.
    wall_time success{};
    std::vector<const observed_pod*> failures;
    for (const auto& p : pods_)
      if (succeeded(*p))
        success = std::max(success, finished_at(*p));
    for (const auto& p : pods_)
      if (p->status.phase == "Failed" && finished_at(*p) >= success)
        failures.push_back(&p);
    if (const auto wait = back_off(failures); wait > 0ns) {
      look_again(wait);
      return;
    }
  }
  if (is_indexed(*job_))
    start_indexed(n);
  else
    for (; n > 0; --n)
      make(std::nullopt, 0);
}

void job_step::manage() {
  const auto parallelism = job_->spec.parallelism.value_or(1);
  int32_t wanted = parallelism;
  if (job_->spec.suspend.value_or(false))
    wanted = 0;
  else if (!job_->spec.completions)
    wanted = total_succeeded() > 0 ? static_cast<int32_t>(active_.size()) : parallelism;
  else
    wanted = std::min(parallelism, *job_->spec.completions - total_succeeded());
  const auto running = static_cast<int32_t>(active_.size()) + (waits_for_end(*job_) ? ending_ : 0);
  if (running < wanted) {
    start_pods(wanted - running);
    return;
  }
  auto surplus = static_cast<int32_t>(active_.size()) - std::max(0, wanted);
  if (surplus <= 0)
    return;
  sort_for_deletion(active_);
  for (const auto& p : active_)
    if (surplus-- > 0)
      remove(p);
}

void job_step::write_status() {
  auto& u = status_.uncounted_terminated_pods;
  if (u && u->succeeded.empty() && u->failed.empty() && !job_->status.uncounted_terminated_pods)
    u = {};
  if (status_ == job_->status)
    return;
  auto changed = *job_;
  changed.status = status_;
  res_.calls.push_back(update_call(changed, "status"));
}

/// A finished job is kept as long as its TTL says.
void job_step::finish_later() {
  for (const auto& p : pods_)
    if (is_tracked(*p)) {
      auto rest = p->metadata.finalizers;
      std::erase(rest, std::string{tracking_finalizer});
      res_.calls.push_back(set_finalizers_call(*p.object, rest));
    }
  if (!job_->spec.ttl_seconds_after_finished || job_.object->meta().deleting)
    return;
  const auto* c = has("Complete") ? condition("Complete") : condition("Failed");
  const auto since = api::parse_time(c->last_transition_time);
  if (!since)
    return;
  const auto until =
      wall_time{*since} + std::chrono::seconds{*job_->spec.ttl_seconds_after_finished};
  if (until <= now_)
    res_.calls.push_back(delete_call(*job_.object, -1, api::propagation::foreground));
  else
    look_again(until - now_);
}

reconcile_result job_step::run() {
  if (!claim())
    return std::move(res_);
  if (has("Complete") || has("Failed")) {
    finish_later();
    return std::move(res_);
  }
  const bool counted = count_ended();
  if (!counted || job_.object->meta().deleting)
    return std::move(res_);
  look_at_pods();
  const auto v = judge_job();
  if (v) {
    end(*v);
  } else {
    suspend_or_resume();
    manage();
  }
  const auto pods = res_.calls.size();
  write_status();
  if (!v && pods > 0)
    res_.then = [j = job_, pods](const std::vector<call_result>& results) {
      reconcile_result next;
      for (size_t i = 0; i < results.size(); ++i) {
        const auto& r = results[i];
        const bool expected = !r.ok && (r.failure.why == api::reason::conflict ||
                                        r.failure.why == api::reason::not_found);
        next.retry |= !r.ok && !expected;
        if (i >= pods)
          continue;
        if (r.ok && r.object && !r.object->meta().deleting && r.object->resource() == "pods")
          next.events.push_back(
              note_about(j, "Normal", "SuccessfulCreate", "Created pod: " + r.object->name()));
        if (!r.ok && !expected)
          next.events.push_back(
              note_about(j, "Warning", "FailedCreate", "Error creating: " + r.failure.message));
      }
      return next;
    };
  return std::move(res_);
}

} // namespace thespis::actors::jobs
