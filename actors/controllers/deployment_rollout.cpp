#include "actors/controllers/deployment_rollout.hpp"

#include "actors/controllers/notes.hpp"

#include "api/text/time.hpp"

#include <algorithm>
#include <tuple>

namespace thespis::actors::deployments {

namespace {

std::string in_quotes(const std::string& s) {
  return '"' + s + '"';
}

} // namespace

rollout::rollout(const observed<deployment>& d, const std::vector<observed<replica_set>>& sets,
                 const view& v, wall_time now)
    : seen_(d), view_(v), now_(now), d_(*d) {
  for (const auto& s : sets)
    sets_.push_back({s, *s, false, {}});
  std::sort(sets_.begin(), sets_.end(), [](const auto& a, const auto& b) {
    const auto key = [](const working_set& s) {
      return std::tie(s.now.metadata.creation_timestamp, s.now.metadata.name);
    };
    return key(a) < key(b);
  });
  const auto i = std::find_if(sets_.begin(), sets_.end(), [&](const auto& s) {
    return same_template(s.now.spec.template_, d_.spec.template_);
  });
  if (i != sets_.end())
    new_ = &*i;
}

std::vector<working_set*> rollout::old_sets() {
  std::vector<working_set*> res;
  for (auto& s : sets_)
    if (&s != new_)
      res.push_back(&s);
  return res;
}

std::vector<working_set*> rollout::active_sets() {
  std::vector<working_set*> res;
  for (auto& s : sets_)
    if (desired(s.now) > 0)
      res.push_back(&s);
  return res;
}

int32_t rollout::total() const {
  int32_t res = 0;
  for (const auto& s : sets_)
    res += desired(s.now);
  return res;
}

reconcile_result rollout::run() {
  if (seen_.object->meta().deleting) {
    report_counts();
    return result();
  }
  sync_pause_condition();
  sync_revision();
  const bool paused = d_.spec.paused.value_or(false);
  if (paused || is_scaling_event()) {
    scale_in_proportion();
    if (paused)
      clean_history();
    report_counts();
    return result();
  }
  return is_rolling(d_) ? roll() : recreate();
}

void rollout::sync_pause_condition() {
  if (!has_deadline(d_))
    return;
  const auto* c = find_condition(d_.status, "Progressing");
  if (c && c->reason == "ProgressDeadlineExceeded")
    return;
  const bool paused = d_.spec.paused.value_or(false);
  const bool known = c && c->reason == "DeploymentPaused";
  if (paused && !known)
    set_condition(d_.status, make_condition("Progressing", "Unknown", "DeploymentPaused",
                                            "Deployment is paused", now_));
  else if (!paused && known)
    set_condition(d_.status, make_condition("Progressing", "Unknown", "DeploymentResumed",
                                            "Deployment is resumed", now_));
}

int64_t rollout::next_revision() {
  int64_t newest = 0;
  for (const auto* s : old_sets())
    newest = std::max(newest, revision_of(s->now));
  return newest + 1;
}

void rollout::sync_revision() {
  if (!new_)
    return;
  new_->changed |= annotate(new_->now, d_, next_revision(), true);
  if (new_->now.spec.min_ready_seconds.value_or(0) != d_.spec.min_ready_seconds.value_or(0)) {
    new_->now.spec.min_ready_seconds = d_.spec.min_ready_seconds;
    new_->changed = true;
  }
  d_.metadata.annotations[std::string{revision_key}] = std::to_string(revision_of(new_->now));
  if (has_deadline(d_) && !find_condition(d_.status, "Progressing"))
    set_condition(d_.status,
                  make_condition("Progressing", "True", "FoundNewReplicaSet",
                                 "Found new replica set " + in_quotes(new_->now.metadata.name),
                                 now_));
}

bool rollout::is_scaling_event() {
  for (const auto* s : active_sets())
    if (const auto known = annotated(s->now, desired_key); known && *known != desired(d_))
      return true;
  return false;
}

void rollout::resize(working_set& s, int32_t size) {
  const auto before = desired(s.now);
  s.changed |= annotate_size(s.now, d_);
  if (before == size)
    return;
  s.changed = true;
  s.now.spec.replicas = size;
  s.news = std::string{"Scaled "} + (size > before ? "up" : "down") + " replica set " +
           s.now.metadata.name + " from " + std::to_string(before) + " to " + std::to_string(size);
}

void rollout::scale_in_proportion() {
  const auto active = active_sets();
  if (active.size() <= 1) {
    auto* only = !active.empty() ? active.front() : new_;
    if (!only && !sets_.empty())
      only = &sets_.back();
    if (only)
      resize(*only, desired(d_));
    return;
  }
  const auto saturated = new_ && desired(new_->now) == desired(d_) &&
                         annotated(new_->now, desired_key) == desired(d_) &&
                         new_->now.status.available_replicas.value_or(0) == desired(d_);
  if (saturated) {
    for (auto* s : active)
      if (s != new_)
        resize(*s, 0);
    return;
  }
  if (!is_rolling(d_))
    return;
  const auto allowed = desired(d_) > 0 ? desired(d_) + max_surge(d_) : 0;
  share_out(active, allowed - total());
}

/// Gives `to_add` (or takes it, when negative) so that all sets keep their share; what rounding
/// leaves goes to the biggest.
void rollout::share_out(std::vector<working_set*> sets, int32_t to_add) {
  std::stable_sort(sets.begin(), sets.end(), [&](const auto* a, const auto* b) {
    if (desired(a->now) != desired(b->now))
      return desired(a->now) > desired(b->now);
    // Among equals newer ones grow first and older ones shrink first.
    const auto& x = a->now.metadata.creation_timestamp;
    const auto& y = b->now.metadata.creation_timestamp;
    return to_add > 0 ? x > y : x < y;
  });
  std::vector<int32_t> sizes;
  int32_t added = 0;
  for (const auto* s : sets) {
    const auto share = proportion(s->now, d_, to_add, added);
    sizes.push_back(desired(s->now) + share);
    added += share;
  }
  sizes.front() = std::max(0, sizes.front() + to_add - added);
  for (size_t i = 0; i < sets.size(); ++i)
    resize(*sets[i], sizes[i]);
}

reconcile_result rollout::roll() {
  if (!new_)
    return create_new_set();
  if (!grow_new_set() && !shrink_old_sets() && is_complete(d_, seen_->status))
    clean_history();
  report_rollout();
  return result();
}

bool rollout::grow_new_set() {
  const auto now = desired(new_->now);
  if (now == desired(d_))
    return false;
  const auto size = now > desired(d_) ? desired(d_) : new_set_size(d_, total(), now);
  if (size == now)
    return false;
  resize(*new_, size);
  return true;
}

bool rollout::shrink_old_sets() {
  int32_t old_pods = 0;
  int32_t available = 0;
  for (const auto* s : old_sets())
    old_pods += desired(s->now);
  // A set that was shrunk may not have noticed yet.
  for (const auto& s : sets_)
    available += std::min(desired(s.now), s.now.status.available_replicas.value_or(0));
  if (old_pods == 0)
    return false;
  const auto least = desired(d_) - max_unavailable(d_);
  const auto new_missing = desired(new_->now) - new_->now.status.available_replicas.value_or(0);
  const auto most = total() - least - new_missing;
  if (most <= 0)
    return false;
  const bool removed = remove_unhealthy(most);
  auto budget = available - least;
  bool shrunk = false;
  for (auto* s : old_sets()) {
    if (budget <= 0)
      break;
    const auto n = std::min(desired(s->now), budget);
    if (n == 0)
      continue;
    resize(*s, desired(s->now) - n);
    budget -= n;
    shrunk = true;
  }
  return removed || shrunk;
}

/// Pods of old sets that are not available anyway go first.
bool rollout::remove_unhealthy(int32_t budget) {
  bool res = false;
  for (auto* s : old_sets()) {
    const auto missing = desired(s->now) - s->now.status.available_replicas.value_or(0);
    const auto n = std::min({budget, missing, desired(s->now)});
    if (n <= 0)
      continue;
    resize(*s, desired(s->now) - n);
    budget -= n;
    res = true;
  }
  return res;
}

reconcile_result rollout::recreate() {
  bool waiting = false;
  for (auto* s : old_sets()) {
    if (desired(s->now) == 0)
      continue;
    resize(*s, 0);
    waiting = true;
  }
  waiting = waiting || old_pods_left();
  if (!waiting && !new_)
    return create_new_set();
  if (!waiting) {
    if (desired(new_->now) != desired(d_))
      resize(*new_, desired(d_));
    if (is_complete(d_, seen_->status))
      clean_history();
  }
  report_rollout();
  return result();
}

bool rollout::old_pods_left() {
  for (const auto* s : old_sets()) {
    if (s->now.status.replicas > 0)
      return true;
    for (const auto& p : view_.owned_by<pod_facts>(s->now.metadata.uid))
      if (!is_finished(*p))
        return true;
  }
  return false;
}

void rollout::clean_history() {
  if (!d_.spec.revision_history_limit)
    return;
  auto old = old_sets();
  std::erase_if(old, [](const auto* s) { return s->seen.object->meta().deleting; });
  std::stable_sort(old.begin(), old.end(), [](const auto* a, const auto* b) {
    return revision_of(a->now) < revision_of(b->now);
  });
  const auto surplus = static_cast<int64_t>(old.size()) - int64_t{*d_.spec.revision_history_limit};
  for (int64_t i = 0; i < surplus; ++i) {
    const auto& s = *old[static_cast<size_t>(i)];
    const bool settled =
        s.now.status.replicas == 0 && desired(s.now) == 0 &&
        s.now.metadata.generation.value_or(0) <= s.now.status.observed_generation.value_or(0);
    if (settled && !s.changed)
      deletions_.push_back(delete_call(*s.seen.object));
  }
}

deployment_status rollout::counted() const {
  auto res = d_.status;
  int32_t replicas = 0;
  int32_t ready = 0;
  int32_t available = 0;
  for (const auto& s : sets_) {
    replicas += s.now.status.replicas;
    ready += s.now.status.ready_replicas.value_or(0);
    available += s.now.status.available_replicas.value_or(0);
  }
  res.observed_generation = d_.metadata.generation;
  res.replicas = unless_zero(replicas);
  res.updated_replicas = unless_zero(new_ ? new_->now.status.replicas : 0);
  res.ready_replicas = unless_zero(ready);
  res.available_replicas = unless_zero(available);
  res.unavailable_replicas = unless_zero(std::max(0, total() - available));
  if (available >= desired(d_) - max_unavailable(d_))
    set_condition(res, make_condition("Available", "True", "MinimumReplicasAvailable",
                                      "Deployment has minimum availability.", now_));
  else
    set_condition(res, make_condition("Available", "False", "MinimumReplicasUnavailable",
                                      "Deployment does not have minimum availability.", now_));
  return res;
}

void rollout::report_counts() {
  d_.status = counted();
}

void rollout::report_rollout() {
  auto status = counted();
  const auto* before = find_condition(d_.status, "Progressing");
  const bool was_complete = status.replicas == status.updated_replicas && before &&
                            before->reason == "NewReplicaSetAvailable";
  const auto subject = new_ ? "ReplicaSet " + in_quotes(new_->now.metadata.name)
                            : "Deployment " + in_quotes(d_.metadata.name);
  if (!has_deadline(d_)) {
    drop_condition(status, "Progressing");
  } else if (!was_complete) {
    if (is_complete(d_, status)) {
      set_condition(status, make_condition("Progressing", "True", "NewReplicaSetAvailable",
                                           subject + " has successfully progressed.", now_));
    } else if (is_progressing(d_.status, status)) {
      auto c = make_condition("Progressing", "True", "ReplicaSetUpdated",
                              subject + " is progressing.", now_);
      if (before && before->status == "True")
        c.last_transition_time = before->last_transition_time;
      // Replaced even when it says the same: its update time is what the deadline counts from.
      drop_condition(status, "Progressing");
      status.conditions.push_back(std::move(c));
    } else if (is_timed_out(d_, status, now_)) {
      set_condition(status, make_condition("Progressing", "False", "ProgressDeadlineExceeded",
                                           subject + " has timed out progressing.", now_));
    }
  }
  report_failures(status);
  d_.status = std::move(status);
  look_again();
}

void rollout::report_failures(deployment_status& status) const {
  const auto failure_of = [](const working_set& s) -> const api::v1::replica_set_condition* {
    for (const auto& c : s.now.status.conditions)
      if (c.type == "ReplicaFailure")
        return &c;
    return nullptr;
  };
  const auto* failure = new_ ? failure_of(*new_) : nullptr;
  for (const auto& s : sets_)
    if (!failure)
      failure = failure_of(s);
  if (!failure) {
    drop_condition(status, "ReplicaFailure");
    return;
  }
  auto c =
      make_condition("ReplicaFailure", failure->status, failure->reason, failure->message, now_);
  c.last_update_time = c.last_transition_time = failure->last_transition_time;
  set_condition(status, std::move(c));
}

/// A roll-out that is stuck makes no events; the deadline must be noticed all the same.
void rollout::look_again() {
  const auto* c = find_condition(d_.status, "Progressing");
  if (!c || !has_deadline(d_) || is_complete(d_, d_.status) ||
      c->reason == "ProgressDeadlineExceeded" || c->reason == "NewReplicaSetAvailable")
    return;
  const auto since = api::parse_time(c->last_update_time).value_or(now_);
  const auto due = since + std::chrono::seconds{*d_.spec.progress_deadline_seconds + 1};
  res_.requeue_after = std::max<std::chrono::nanoseconds>(due - now_, std::chrono::seconds{1});
}

reconcile_result rollout::result() {
  for (const auto& s : sets_) {
    if (!s.changed)
      continue;
    if (!s.news.empty()) {
      res_.events.push_back(note_about(seen_, "Normal", "ScalingReplicaSet", s.news));
      res_.events.back().of_call = res_.calls.size();
    }
    res_.calls.push_back(update_call(s.now));
  }
  for (auto& c : deletions_)
    res_.calls.push_back(std::move(c));
  if (!(d_ == *seen_))
    res_.calls.push_back(update_call(d_, "status"));
  return std::move(res_);
}

reconcile_result rollout::create_new_set() {
  const auto hash = template_hash(d_.spec.template_, d_.status.collision_count);
  replica_set made;
  made.metadata.name = d_.metadata.name + "-" + hash;
  made.metadata.namespace_ = d_.metadata.namespace_;
  made.metadata.owner_references = {controller_reference(d_)};
  made.spec.template_ = d_.spec.template_;
  made.spec.template_.metadata.labels[std::string{hash_label}] = hash;
  made.metadata.labels = made.spec.template_.metadata.labels;
  made.spec.selector = d_.spec.selector;
  made.spec.selector.match_labels[std::string{hash_label}] = hash;
  made.spec.min_ready_seconds = d_.spec.min_ready_seconds;
  made.spec.replicas = new_set_size(d_, total(), 0);
  annotate(made, d_, next_revision(), false);
  reconcile_result res;
  res.calls.push_back(create_call(made));
  if (desired(made) > 0) {
    res.events.push_back(note_about(seen_, "Normal", "ScalingReplicaSet",
                                    "Scaled up replica set " + made.metadata.name + " from 0 to " +
                                        std::to_string(desired(made))));
    res.events.back().of_call = 0;
  }
  res.then = [seen = seen_, d = d_, made = std::move(made),
              now = now_](const std::vector<call_result>& results) mutable {
    return tell_creation(seen, std::move(d), made, results.front(), now);
  };
  return res;
}

reconcile_result rollout::tell_creation(const observed<deployment>& seen, deployment d,
                                        const replica_set& made, const call_result& outcome,
                                        wall_time now) {
  reconcile_result res;
  res.retry = !outcome.ok;
  const auto name = in_quotes(made.metadata.name);
  if (outcome.ok) {
    d.metadata.annotations[std::string{revision_key}] = std::to_string(revision_of(made));
    if (has_deadline(d))
      set_condition(d.status, make_condition("Progressing", "True", "NewReplicaSetCreated",
                                             "Created new replica set " + name, now));
  } else if (outcome.failure.why == api::reason::already_exists) {
    // Another set has that name: the next one gets another hash.
    d.status.collision_count = d.status.collision_count.value_or(0) + 1;
  } else {
    const auto message =
        "Failed to create new replica set " + name + ": " + outcome.failure.message;
    set_condition(d.status,
                  make_condition("Progressing", "False", "ReplicaSetCreateError", message, now));
    res.events.push_back(note_about(seen, "Warning", "ReplicaSetCreateError", message));
  }
  if (!(d == *seen))
    res.calls.push_back(update_call(d, "status"));
  return res;
}

} // namespace thespis::actors::deployments
