#include "actors/pod/pod_state.hpp"

#include "api/object/typed.hpp"
#include "api/text/time.hpp"

#include <algorithm>

namespace thespis::actors {

using namespace std::chrono_literals;

namespace {

api::v1::container as_container(const api::v1::ephemeral_container& e) {
  api::v1::container c;
  c.name = e.name;
  c.image = e.image;
  c.command = e.command;
  c.args = e.args;
  c.working_dir = e.working_dir;
  c.env = e.env;
  c.env_from = e.env_from;
  c.volume_mounts = e.volume_mounts;
  c.image_pull_policy = e.image_pull_policy;
  c.security_context = e.security_context;
  c.stdin = e.stdin;
  c.stdin_once = e.stdin_once;
  c.tty = e.tty;
  c.termination_message_path = e.termination_message_path;
  c.termination_message_policy = e.termination_message_policy;
  return c;
}

} // namespace

std::string_view to_string(pod_stage s) {
  switch (s) {
  case pod_stage::preparing:
    return "preparing";
  case pod_stage::running:
    return "running";
  case pod_stage::stopping:
    return "stopping";
  case pod_stage::finished:
    return "finished";
  }
  return "";
}

bool may_become(sandbox_phase from, sandbox_phase to) {
  using enum sandbox_phase;
  switch (from) {
  case none:
    return to == starting;
  case starting:
    return to == ready || to == none;
  case ready:
    return to == dead || to == stopping;
  case dead:
    return to == stopping;
  case stopping:
    return to == none || to == dead;
  }
  return false;
}

pod_state::pod_state(api::object_ptr object, std::string host_ip, time now,
                     std::string second_host_ip)
    : object_(std::move(object)), host_ip_(std::move(host_ip)),
      second_host_ip_(std::move(second_host_ip)), start_time_(pod().status.start_time) {
  if (start_time_.empty())
    start_time_ = api::format_time(now);
  for (const auto& c : pod().spec.init_containers) {
    container_record r;
    r.spec = c;
    r.role = c.restart_policy == "Always" ? container_role::sidecar : container_role::init;
    r.waiting_reason = "PodInitializing";
    containers_.push_back(std::move(r));
  }
  init_count_ = containers_.size();
  for (const auto& c : pod().spec.containers) {
    container_record r;
    r.spec = c;
    if (init_count_ > 0)
      r.waiting_reason = "PodInitializing";
    containers_.push_back(std::move(r));
  }
  sync_containers();
  recall(pod().status.container_statuses);
  recall(pod().status.init_container_statuses);
  recall(pod().status.ephemeral_container_statuses);
  // A pod that was over stays over, whatever the runtime still has.
  if (pod().status.phase == "Succeeded" || pod().status.phase == "Failed")
    stage_ = pod_stage::stopping;
  if (pod().status.phase == "Failed")
    begin_stopping(pod().status.reason, pod().status.message);
}

// Counts and last states survive a restart of ours even where the runtime forgot the containers.
void pod_state::recall(const std::vector<api::v1::container_status>& known) {
  constexpr std::string_view scheme = "containerd://";
  for (const auto& old : known) {
    const auto i = std::find_if(containers_.begin(), containers_.end(),
                                [&](const auto& c) { return c.spec.name == old.name; });
    if (i == containers_.end() || !old.container_id.starts_with(scheme))
      continue;
    auto& c = *i;
    c.instances = true;
    c.attempt = static_cast<uint32_t>(old.restart_count);
    c.failures = old.restart_count;
    c.id = old.container_id.substr(scheme.size());
    c.image = old.image;
    c.image_id = old.image_id;
    c.last_state = old.last_state;
    if (old.resources)
      c.spec.resources = old.resources;
    c.phase = container_phase::exited;
    c.waiting_reason.clear();
    const auto* ended = old.state ? old.state->terminated.get() : nullptr;
    const bool waits = old.state && old.state->waiting && old.last_state;
    if (waits)
      ended = old.last_state->terminated.get();
    if (!ended) {
      c.exit_code = 137;
      c.exit_reason = "ContainerStatusUnknown";
      c.exit_message = "The container could not be located when the pod was terminated";
      continue;
    }
    c.exit_code = ended->exit_code;
    c.exit_reason = ended->reason;
    c.exit_message = ended->message;
    c.started_at = api::parse_time(ended->started_at).value_or(time{});
    c.finished_at = api::parse_time(ended->finished_at).value_or(time{});
    c.due = c.finished_at + crash_back_off(c.failures);
    ++c.failures;
  }
}

void pod_state::update(api::object_ptr object, time) {
  object_ = std::move(object);
  pod_ = nullptr;
  sync_containers();
}

const std::shared_ptr<const api::v1::pod>& pod_state::pod_ptr() const {
  if (!pod_)
    pod_ = api::typed<api::v1::pod>(*object_);
  return pod_;
}

void pod_state::rest() {
  const auto settled = [](const auto& c) {
    return c.phase == container_phase::running || c.phase == container_phase::exited;
  };
  const bool calm = stage_ == pod_stage::finished ||
                    (stage_ == pod_stage::running &&
                     std::all_of(containers_.begin(), containers_.end(), settled));
  if (!calm)
    return;
  // What was published is known from the object as soon as the API shows it.
  if (!conditions_.empty() && conditions_ == pod().status.conditions)
    std::vector<api::v1::pod_condition>{}.swap(conditions_);
  // Nor is this version asked for again: the next one is on the way until then. In a burst
  // thousands of pods wait for it.
  pod_ = nullptr;
}

void pod_state::sync_containers() {
  // Of a running pod only images and ephemeral containers change.
  for (auto& r : containers_) {
    const auto take = [&](const auto& specs) {
      for (const auto& c : specs)
        if (c.name == r.spec.name && c.image != r.spec.image) {
          r.spec.image = c.image;
          if (r.phase == container_phase::running) {
            r.stop_why = "Container " + r.spec.name + " definition changed, will be restarted";
            r.restart_anyway = true;
          }
        }
    };
    take(pod().spec.containers);
    take(pod().spec.init_containers);
  }
  for (const auto& e : pod().spec.ephemeral_containers) {
    const bool known = std::any_of(containers_.begin(), containers_.end(),
                                   [&](const auto& r) { return r.spec.name == e.name; });
    if (known)
      continue;
    container_record r;
    r.spec = as_container(e);
    r.role = container_role::ephemeral;
    containers_.push_back(std::move(r));
  }
}

container_record* pod_state::by_id(const std::string& id) {
  const auto i = std::find_if(containers_.begin(), containers_.end(),
                              [&](const auto& c) { return !id.empty() && c.id == id; });
  return i == containers_.end() ? nullptr : &*i;
}

void pod_state::adopt_sandbox(const runtime::sandbox_status& s) {
  sandbox_id_ = s.id;
  sandbox_attempt_ = s.metadata.attempt;
  ips_ = s.ips;
  sandbox_ = s.state == runtime::sandbox_state::ready ? sandbox_phase::ready : sandbox_phase::dead;
}

void pod_state::adopt_container(const runtime::container_status& s) {
  const auto i = std::find_if(containers_.begin(), containers_.end(),
                              [&](const auto& c) { return c.spec.name == s.name; });
  if (i == containers_.end())
    return;
  auto& c = *i;
  if (c.instances && c.attempt > s.attempt) {
    if (c.attempt == s.attempt + 1) {
      c.previous_id = s.id;
      c.previous_log = s.log_path;
    }
    return;
  }
  // What came before, when the newer one is found second.
  if (!c.id.empty() && c.attempt + 1 == s.attempt) {
    c.previous_id = c.id;
    c.previous_log = c.log_path;
  }
  c.instances = true;
  c.id = s.id;
  c.attempt = s.attempt;
  c.image = s.image;
  c.image_id = s.image_ref;
  c.log_path = s.log_path;
  c.waiting_reason.clear();
  c.waiting_message.clear();
  c.started_at = time{std::chrono::nanoseconds{s.started_at}};
  c.finished_at = time{std::chrono::nanoseconds{s.finished_at}};
  // The back-off goes on roughly where it was: restarts stand for failures.
  c.failures = static_cast<int>(s.attempt);
  if (s.state == runtime::container_state::running) {
    c.phase = container_phase::running;
    adopt_probes(c);
    return;
  }
  c.phase = container_phase::exited;
  if (s.state == runtime::container_state::exited) {
    c.exit_code = s.exit_code;
    c.exit_reason = s.reason.empty() ? (s.exit_code == 0 ? "Completed" : "Error") : s.reason;
    c.exit_message = s.message;
    c.due = c.finished_at + crash_back_off(c.failures);
    ++c.failures;
  } else {
    c.exit_code = 137;
    c.exit_reason = "ContainerStatusUnknown";
    c.exit_message = "The container could not be located when the pod was terminated";
  }
}

void pod_state::adopt_probes(container_record& c) {
  for (const auto kind : {probe_kind::startup, probe_kind::liveness, probe_kind::readiness})
    if (const auto* spec = c.probe_spec(kind))
      c.probe(kind).arm(*spec, c.started_at);
  // Published as ready before: readiness is not lost by our own restart.
  for (const auto* known :
       {&pod().status.container_statuses, &pod().status.init_container_statuses})
    for (const auto& old : *known)
      if (old.name == c.spec.name && old.container_id == "containerd://" + c.id) {
        if (old.started == true)
          c.startup.verdict = true;
        if (old.ready)
          c.readiness.verdict = true;
      }
}

std::vector<pod_action> pod_state::step(time now) {
  actions out;
  if (deleting() && (stage_ == pod_stage::preparing || stage_ == pod_stage::running))
    begin_stopping({}, {});
  if (stage_ == pod_stage::preparing) {
    if (volumes_ready_) {
      stage_ = pod_stage::running;
    } else if (!volumes_under_way_ && volumes_due_ <= now) {
      volumes_under_way_ = true;
      out.push_back(prepare_volumes{});
    }
  }
  if (stage_ == pod_stage::running)
    step_running(out, now);
  if (stage_ == pod_stage::stopping)
    step_stopping(out, now);
  return out;
}

void pod_state::end(std::string reason, std::string message,
                    std::optional<std::chrono::seconds> grace, bool disruption) {
  if (stage_ != pod_stage::preparing && stage_ != pod_stage::running)
    return;
  end_grace_ = grace;
  disrupted_ = disruption;
  begin_stopping(std::move(reason), std::move(message));
}

void pod_state::begin_stopping(std::string reason, std::string message) {
  stage_ = pod_stage::stopping;
  failed_reason_ = std::move(reason);
  failed_message_ = std::move(message);
}

void pod_state::step_running(actions& out, time now) {
  if (const auto limit = pod().spec.active_deadline_seconds) {
    const auto begin = api::parse_time(start_time_);
    if (begin && now >= *begin + std::chrono::seconds{*limit}) {
      begin_stopping("DeadlineExceeded", "Pod was active on the node longer than the specified "
                                         "deadline");
      out.push_back(emit_event{"Normal", "DeadlineExceeded", failed_message_, {}});
      return;
    }
  }
  if (all_over()) {
    begin_stopping({}, {});
    return;
  }
  switch (sandbox_) {
  case sandbox_phase::none:
    if (sandbox_due_ <= now) {
      sandbox_ = sandbox_phase::starting;
      out.push_back(run_sandbox{sandbox_attempt_});
    }
    break;
  case sandbox_phase::starting:
  case sandbox_phase::stopping:
    break;
  case sandbox_phase::dead:
    // A creation that is under way fails by itself in a dead sandbox; it is not raced.
    if (std::any_of(containers_.begin(), containers_.end(),
                    [](const auto& c) { return c.creating; }))
      break;
    sandbox_ = sandbox_phase::stopping;
    out.push_back(stop_sandbox{sandbox_id_});
    break;
  case sandbox_phase::ready:
    step_containers(out, now);
    break;
  }
}

bool pod_state::step_init(actions& out, time now) {
  for (size_t i = 0; i < init_count_; ++i) {
    auto& c = containers_[i];
    if (c.role == container_role::sidecar) {
      start_if_due(i, out, now);
      if (!c.started() && !initialized_)
        return false;
      continue;
    }
    if (c.phase == container_phase::exited && c.exit_code == 0)
      continue;
    start_if_due(i, out, now);
    return false;
  }
  initialized_ = true;
  return true;
}

void pod_state::step_containers(actions& out, time now) {
  step_resize(out);
  const bool initialized = step_init(out, now);
  for (size_t i = init_count_; initialized && i < containers_.size(); ++i)
    start_if_due(i, out, now);
  for (size_t i = 0; i < containers_.size(); ++i) {
    auto& c = containers_[i];
    if (c.phase != container_phase::running)
      continue;
    step_probes(i, out, now);
    if (!c.stop_why.empty())
      begin_stop(i, out, c.stop_why);
  }
}

void pod_state::start_if_due(size_t index, actions& out, time now) {
  auto& c = containers_[index];
  const bool startable = c.phase == container_phase::waiting ||
                         (c.phase == container_phase::exited && should_restart(c));
  if (!startable)
    return;
  if (c.due > now) {
    end_back_off(c, out, now);
    return;
  }
  if (c.phase == container_phase::exited)
    keep_last_state(c, out);
  c.phase = container_phase::starting;
  c.soften_at.reset();
  out.push_back(start_container{index});
}

// The failure itself was told; from here on it is the back-off that keeps the container waiting.
void pod_state::end_back_off(container_record& c, actions& out, time now) {
  const auto pod = object_->name() + "_" + object_->ns() + "(" + object_->uid() + ")";
  if (c.phase == container_phase::exited) {
    if (c.waiting_reason == "CrashLoopBackOff")
      return;
    const auto wait = std::chrono::ceil<std::chrono::seconds>(crash_back_off(c.failures - 1));
    c.waiting_reason = "CrashLoopBackOff";
    c.waiting_message = "back-off " + api::format_duration(wait) +
                        " restarting failed container=" + c.spec.name + " pod=" + pod;
    out.push_back(emit_event{
        "Warning", "BackOff",
        "Back-off restarting failed container " + c.spec.name + " in pod " + pod, c.spec.name});
    return;
  }
  if (!c.soften_at || *c.soften_at > now || c.waiting_reason != "ErrImagePull")
    return;
  c.soften_at.reset();
  c.waiting_reason = "ImagePullBackOff";
  c.waiting_message =
      "Back-off pulling image \"" + c.spec.image + "\": ErrImagePull: " + c.waiting_message;
  out.push_back(emit_event{"Normal", "BackOff", "Back-off pulling image \"" + c.spec.image + "\"",
                           c.spec.name});
  out.push_back(emit_event{"Warning", "Failed", "Error: ImagePullBackOff", c.spec.name});
}

// The instance that ended becomes the one before; the one before that is removed.
void pod_state::keep_last_state(container_record& c, actions& out) {
  const auto status = container_status_of(c);
  api::v1::container_state last;
  if (status.state && status.state->terminated)
    last.terminated = status.state->terminated;
  else if (status.last_state)
    last.terminated = status.last_state->terminated;
  c.last_state = last;
  if (!c.previous_id.empty())
    out.push_back(remove_container{c.previous_id, c.previous_log});
  c.previous_id = c.id;
  c.previous_log = c.log_path;
}

void pod_state::step_probes(size_t index, actions& out, time now) {
  for (const auto kind : {probe_kind::startup, probe_kind::liveness, probe_kind::readiness})
    step_probe(index, kind, out, now);
}

void pod_state::step_probe(size_t index, probe_kind kind, actions& out, time now) {
  auto& c = containers_[index];
  if (!c.probe_spec(kind))
    return;
  // Liveness and readiness wait for the startup probe; that one ends with its first success.
  const bool waits = kind == probe_kind::startup ? c.startup.verdict == true : !c.started();
  auto& p = c.probe(kind);
  if (waits || p.under_way || !p.due || *p.due > now)
    return;
  p.under_way = true;
  out.push_back(run_probe{index, kind});
}

std::optional<pod_state::time> pod_state::probe_due(const container_record& c) const {
  std::optional<time> res;
  // One that waits for another, or is through, is not due, whatever it says.
  const auto consider = [&](const probe_record& p) {
    const bool waits = &p == &c.startup ? c.startup.verdict == true : !c.started();
    if (p.due && !waits && !p.under_way && (!res || *p.due < *res))
      res = p.due;
  };
  // Of one that ends, only readiness is still of interest.
  const bool stopping = stage_ == pod_stage::stopping;
  if (c.phase == container_phase::running && !stopping) {
    consider(c.startup);
    consider(c.liveness);
  }
  if (c.phase == container_phase::running || (c.phase == container_phase::stopping && stopping))
    consider(c.readiness);
  return res;
}

void pod_state::begin_stop(size_t index, actions& out, std::string why) {
  auto& c = containers_[index];
  c.phase = container_phase::stopping;
  c.stop_why.clear();
  c.stopping_grace = deleting() ? grace() : c.stop_grace.value_or(grace());
  const bool again = std::exchange(c.hook_done, true);
  out.push_back(
      stop_container{index, c.stopping_grace, again ? std::string{} : std::move(why), !again});
}

void pod_state::step_stopping(actions& out, time now) {
  // Whoever serves while it ends may become unready meanwhile; it is not restarted any more.
  for (size_t i = 0; i < containers_.size(); ++i)
    if (containers_[i].phase == container_phase::stopping)
      step_probe(i, probe_kind::readiness, out, now);
  // A second deletion may leave less time than the first.
  for (size_t i = 0; i < containers_.size(); ++i)
    if (auto& c = containers_[i];
        c.phase == container_phase::stopping && deleting() && grace() < c.stopping_grace) {
      c.stopping_grace = grace();
      out.push_back(stop_container{i, c.stopping_grace, {}, false});
    }
  // Sidecars end after the regular containers, the last one first.
  bool regular_alive = false;
  for (size_t i = init_count_; i < containers_.size(); ++i) {
    auto& c = containers_[i];
    regular_alive |= c.alive();
    if (c.phase == container_phase::running)
      begin_stop(i, out, "Stopping container " + c.spec.name);
  }
  for (size_t i = init_count_; i-- > 0 && !regular_alive;) {
    auto& c = containers_[i];
    if (c.phase == container_phase::running)
      begin_stop(i, out, "Stopping container " + c.spec.name);
    if (c.alive())
      break;
  }
  if (any_alive() || sandbox_ == sandbox_phase::starting || sandbox_ == sandbox_phase::stopping)
    return;
  if (sandbox_ != sandbox_phase::none) {
    sandbox_ = sandbox_phase::stopping;
    out.push_back(stop_sandbox{sandbox_id_});
    return;
  }
  stage_ = pod_stage::finished;
  out.push_back(release_pod{});
}

std::optional<pod_state::time> pod_state::next_due(time now) const {
  std::optional<time> res;
  const auto consider = [&](time t) {
    if (t > now && (!res || t < *res))
      res = t;
  };
  if (stage_ == pod_stage::preparing)
    consider(volumes_due_);
  for (const auto& c : containers_)
    if (const auto due = probe_due(c))
      consider(*due);
  if (stage_ != pod_stage::running)
    return res;
  if (const auto limit = pod().spec.active_deadline_seconds)
    if (const auto begin = api::parse_time(start_time_))
      consider(*begin + std::chrono::seconds{*limit});
  if (sandbox_ == sandbox_phase::none)
    consider(sandbox_due_);
  for (const auto& c : containers_) {
    if (c.phase == container_phase::waiting || c.phase == container_phase::exited)
      consider(c.due);
    if (c.soften_at)
      consider(*c.soften_at);
  }
  return res;
}

} // namespace thespis::actors
