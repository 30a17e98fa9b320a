// The second half of pod_state: what the runtime and the volumes answered.
#include "actors/pod/pod_state.hpp"

#include <algorithm>

namespace thespis::actors {

using namespace std::chrono_literals;

void pod_state::on_volumes(bool ok, time now) {
  volumes_under_way_ = false;
  volumes_ready_ = ok;
  if (!ok)
    volumes_due_ =
        now + std::min<std::chrono::nanoseconds>(1s * (1 << std::min(volume_failures_++, 4)), 15s);
}

void pod_state::on_sandbox_started(std::string id, std::vector<std::string> ips) {
  sandbox_ = sandbox_phase::ready;
  sandbox_failures_ = 0;
  sandbox_id_ = std::move(id);
  ips_ = std::move(ips);
}

void pod_state::on_sandbox_failed(std::string message, time now) {
  sandbox_ = sandbox_phase::none;
  ++sandbox_attempt_;
  sandbox_due_ =
      now + std::min<std::chrono::nanoseconds>(1s * (1 << std::min(sandbox_failures_, 5)), 20s);
  ++sandbox_failures_;
  for (auto& c : containers_)
    if (c.phase == container_phase::waiting)
      c.waiting_message = message;
}

void pod_state::on_sandbox_stopped(bool ok, time now) {
  if (!ok) {
    // The runtime could not tell; the sandbox is stopped again until it can.
    sandbox_ = sandbox_phase::dead;
    return;
  }
  sandbox_ = sandbox_phase::none;
  ++sandbox_attempt_;
  sandbox_due_ = now;
  sandbox_id_.clear();
  ips_.clear();
  initialized_ = false;
  if (stage_ != pod_stage::running)
    return;
  // In a new sandbox the pod begins anew, init containers first.
  for (auto& c : containers_)
    if (c.role == container_role::init && c.phase == container_phase::exited && c.exit_code == 0) {
      actions none;
      keep_last_state(c, none);
      c.phase = container_phase::waiting;
      c.waiting_reason = "PodInitializing";
      c.due = now;
    }
}

bool pod_state::begin_create(size_t index) {
  auto& c = containers_[index];
  if (c.phase != container_phase::starting)
    return false;
  c.creating = stage_ == pod_stage::running && !deleting() && sandbox_ == sandbox_phase::ready &&
               (index < init_count_ || initialized_);
  if (!c.creating)
    c.phase = container_phase::waiting;
  return c.creating;
}

void pod_state::on_container_created(size_t index, std::string id) {
  auto& c = containers_[index];
  c.image_failures = 0;
  if (c.instances)
    ++c.attempt;
  c.instances = true;
  c.id = std::move(id);
}

void pod_state::on_container_started(size_t index, const runtime::container_status& s, time now) {
  auto& c = containers_[index];
  c.image = s.image;
  c.image_id = s.image_ref;
  c.log_path = s.log_path;
  c.started_at = s.started_at ? time{std::chrono::nanoseconds{s.started_at}} : now;
  // Its end may have been told before its start.
  if (c.phase != container_phase::starting)
    return;
  c.creating = false;
  c.phase = container_phase::running;
  c.hook_done = false;
  c.restart_anyway = false;
  c.stop_grace.reset();
  c.soften_at.reset();
  c.waiting_reason.clear();
  c.waiting_message.clear();
  for (const auto kind : {probe_kind::startup, probe_kind::liveness, probe_kind::readiness}) {
    c.probe(kind).disarm();
    if (const auto* spec = c.probe_spec(kind))
      c.probe(kind).arm(*spec, c.started_at);
  }
  if (s.state == runtime::container_state::exited)
    on_exited(c.id, &s, now);
}

void pod_state::on_container_failed(size_t index, std::string reason, std::string message,
                                    time now) {
  auto& c = containers_[index];
  if (c.phase != container_phase::starting)
    return;
  const bool ran = reason == "RunContainerError" && c.creating && !c.id.empty();
  c.creating = false;
  if (ran) {
    // There is an instance, and it is over: it counts like one whose process failed at once.
    c.phase = container_phase::running;
    c.started_at = now;
    runtime::container_status s;
    s.exit_code = 128;
    s.reason = "StartError";
    s.message = message;
    on_exited(c.id, &s, now);
  } else {
    c.phase = container_phase::waiting;
    const bool image = reason.find("Image") != std::string::npos;
    const auto wait = image ? crash_back_off(++c.image_failures) : std::chrono::nanoseconds{2s};
    c.due = now + wait;
    if (image)
      c.soften_at = now + std::min<std::chrono::nanoseconds>(wait / 2, 5s);
  }
  c.waiting_reason = std::move(reason);
  c.waiting_message = std::move(message);
}

void pod_state::on_stop_failed(size_t index) {
  auto& c = containers_[index];
  if (c.phase != container_phase::stopping)
    return;
  c.phase = container_phase::running;
  c.stop_why = "Stopping container " + c.spec.name;
}

void pod_state::on_probe(size_t index, probe_kind kind, bool success, std::string message,
                         time now) {
  auto& c = containers_[index];
  auto& p = c.probe(kind);
  const auto* spec = c.probe_spec(kind);
  const bool asked = std::exchange(p.under_way, false);
  const bool ending = stage_ == pod_stage::stopping && kind == probe_kind::readiness &&
                      c.phase == container_phase::stopping;
  if (!spec || (c.phase != container_phase::running && !ending) || !asked)
    return;
  p.take(*spec, success, std::move(message), now);
  if (kind == probe_kind::readiness && !success && p.eager(*spec))
    p.due = now + p.eager_wait();
  if (kind == probe_kind::startup && p.verdict == true) {
    // From here on the others count.
    for (const auto next : {probe_kind::liveness, probe_kind::readiness})
      if (const auto* s = c.probe_spec(next))
        c.probe(next).arm(*s, c.started_at);
  }
  if (kind != probe_kind::readiness && p.verdict == false) {
    p.disarm();
    if (spec->termination_grace_period_seconds)
      c.stop_grace = std::chrono::seconds{*spec->termination_grace_period_seconds};
    c.stop_why = "Container " + c.spec.name + " failed " +
                 (kind == probe_kind::startup ? "startup" : "liveness") +
                 " probe, will be restarted";
  }
}

void pod_state::on_exited(const std::string& id, const runtime::container_status* s, time now) {
  auto* c = by_id(id);
  if (!c || c->phase == container_phase::exited || c->phase == container_phase::waiting)
    return;
  // The same end is told more than once; the next instance may be starting by then.
  if (c->phase == container_phase::starting && id == c->previous_id)
    return;
  c->creating = false;
  c->phase = container_phase::exited;
  c->finished_at = now;
  if (s) {
    c->exit_code = s->exit_code;
    c->exit_reason = s->reason;
    c->exit_message = s->message;
    if (s->started_at)
      c->started_at = time{std::chrono::nanoseconds{s->started_at}};
    if (s->finished_at)
      c->finished_at = time{std::chrono::nanoseconds{s->finished_at}};
  } else {
    c->exit_code = 137;
    c->exit_reason = "ContainerStatusUnknown";
    c->exit_message = "The container could not be located when the pod was terminated";
  }
  if (c->exit_reason.empty())
    c->exit_reason = c->exit_code == 0 ? "Completed" : "Error";
  for (const auto kind : {probe_kind::startup, probe_kind::liveness, probe_kind::readiness})
    c->probe(kind).disarm();
  c->stop_why.clear();
  c->soften_at.reset();
  // A changed image gets a fresh start.
  if (c->finished_at - c->started_at >= back_off_reset || c->restart_anyway)
    c->failures = 0;
  c->due = c->finished_at + crash_back_off(c->failures);
  ++c->failures;
  c->waiting_reason.clear();
  c->waiting_message.clear();
}

void pod_state::on_sandbox_died(const std::string& id) {
  if (id != sandbox_id_ || sandbox_ != sandbox_phase::ready)
    return;
  sandbox_ = sandbox_phase::dead;
}

} // namespace thespis::actors
