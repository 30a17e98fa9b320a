// The third part of pod_state: what the API is told of the pod, in kubelet's words.
#include "actors/pod/pod_state.hpp"

#include "api/text/time.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

using api::v1::pod_condition;

std::string joined(const std::vector<std::string>& names) {
  std::string res = "[";
  for (const auto& n : names)
    res += (res.size() > 1 ? " " : "") + n;
  return res + "]";
}

// What is wrong with the pod's readiness gates; empty when nothing is.
std::string missing_gates(const api::v1::pod& pod) {
  std::string res;
  for (const auto& g : pod.spec.readiness_gates) {
    const auto& all = pod.status.conditions;
    const auto i = std::find_if(all.begin(), all.end(),
                                [&](const auto& c) { return c.type == g.condition_type; });
    if (i != all.end() && i->status == "True")
      continue;
    if (!res.empty())
      res += ", ";
    res += i == all.end() ? "corresponding condition of pod readiness gate \"" + g.condition_type +
                                "\" does not exist."
                          : "the status of pod readiness gate \"" + g.condition_type +
                                "\" is not \"True\", but " + i->status;
  }
  return res;
}

// A first instance that was created and not started yet does not make its pod run.
bool ended_before(const container_record& c) {
  return c.last_state && c.last_state->terminated;
}

bool owned_by_node(const std::string& type) {
  return type == "PodReadyToStartContainers" || type == "Initialized" || type == "Ready" ||
         type == "ContainersReady" || type == "PodResizePending" || type == "PodResizeInProgress";
}

} // namespace

namespace {

// Of the mounts that the container was made with. Nothing below a read-only one is made read-only,
// too: the runtime cannot.
std::vector<api::v1::volume_mount_status> mounts_of(const api::v1::container& c) {
  std::vector<api::v1::volume_mount_status> res;
  for (const auto& m : c.volume_mounts) {
    auto& s = res.emplace_back();
    s.name = m.name;
    s.mount_path = m.mount_path;
    s.read_only = m.read_only;
    if (m.read_only.value_or(false))
      s.recursive_read_only = "Disabled";
  }
  return res;
}

} // namespace

api::v1::container_status pod_state::container_status_of(const container_record& c) const {
  api::v1::container_status s;
  s.name = c.spec.name;
  s.image = c.image.empty() ? c.spec.image : c.image;
  s.image_id = c.image_id;
  s.restart_count = static_cast<int32_t>(c.attempt);
  s.container_id = c.id.empty() ? "" : "containerd://" + c.id;
  s.last_state.emplace();
  if (c.last_state)
    s.last_state = c.last_state;
  if (c.spec.resources &&
      (c.role == container_role::regular || c.role == container_role::sidecar)) {
    s.resources = c.spec.resources;
    s.allocated_resources = c.spec.resources->requests;
  }
  if (c.instances)
    s.volume_mounts = mounts_of(c.spec);
  s.started = c.started();
  s.ready = c.role == container_role::init ? c.phase == container_phase::exited && c.exit_code == 0
                                           : c.ready();
  auto& state = s.state.emplace();
  const auto terminated = [&] {
    api::v1::container_state_terminated t;
    t.exit_code = c.exit_code;
    t.reason = c.exit_reason;
    t.message = c.exit_message;
    if (c.started_at != time{})
      t.started_at = api::format_time(c.started_at);
    t.finished_at = api::format_time(c.finished_at);
    t.container_id = s.container_id;
    return t;
  };
  switch (c.phase) {
  case container_phase::running:
  case container_phase::stopping:
    state.running.emplace().started_at = api::format_time(c.started_at);
    break;
  case container_phase::exited:
    // What an ended pod has left waits for nothing.
    if (!c.waiting_reason.empty() && should_restart(c)) {
      state.waiting.emplace(c.waiting_reason, c.waiting_message);
      s.last_state.ensure().terminated = terminated();
    } else {
      state.terminated = terminated();
    }
    break;
  case container_phase::waiting:
  case container_phase::starting:
    state.waiting.emplace(c.waiting_reason, c.waiting_message);
    break;
  }
  return s;
}

std::string pod_state::phase() const {
  if (!failed_reason_.empty())
    return "Failed";
  // What was over stays so, whatever became of the containers.
  if (pod().status.phase == "Succeeded" || pod().status.phase == "Failed")
    return pod().status.phase;
  size_t waiting = 0, running = 0, succeeded = 0, failed = 0, regular = 0;
  for (const auto& c : containers_) {
    const bool restarts = should_restart(c);
    if (c.role == container_role::init) {
      // In a new sandbox it runs again; the pod was past it already.
      const bool past =
          c.last_state && c.last_state->terminated && c.last_state->terminated->exit_code == 0;
      if (c.phase == container_phase::exited && c.exit_code != 0)
        return policy_restarts(c) ? "Pending" : "Failed";
      if (c.phase != container_phase::exited && !past)
        return "Pending";
      continue;
    }
    if (c.role == container_role::sidecar && !c.instances)
      return "Pending";
    if (c.role != container_role::regular)
      continue;
    ++regular;
    if (c.phase == container_phase::running || c.phase == container_phase::stopping ||
        (c.phase == container_phase::exited && restarts) || (ended_before(c) && !over(c)))
      ++running;
    else if (c.phase != container_phase::exited)
      ++waiting;
    else if (c.exit_code == 0)
      ++succeeded;
    else
      ++failed;
  }
  if (waiting > 0)
    return stage_ == pod_stage::finished ? "Failed" : "Pending";
  if (running > 0)
    return "Running";
  if (succeeded == regular)
    return "Succeeded";
  return "Failed";
}

api::v1::pod_status pod_state::status(time now) const {
  api::v1::pod_status s;
  s.phase = phase();
  s.reason = failed_reason_;
  s.message = failed_message_;
  s.host_ip = host_ip_;
  s.host_ips = {{host_ip_}};
  if (!second_host_ip_.empty())
    s.host_ips.push_back({second_host_ip_});
  s.start_time = start_time_;
  s.qos_class = pod().status.qos_class;
  s.observed_generation = pod().metadata.generation;
  s.nominated_node_name = pod().status.nominated_node_name;
  const bool host_network = pod().spec.host_network.value_or(false);
  for (const auto& ip : ips_)
    s.pod_ips.push_back({ip});
  if (host_network && !sandbox_id_.empty()) {
    s.pod_ips.clear();
    for (const auto& host : s.host_ips)
      s.pod_ips.push_back({host.ip});
  }
  // An ended pod keeps the address it had.
  if (s.pod_ips.empty() && stage_ != pod_stage::preparing && stage_ != pod_stage::running)
    s.pod_ips = pod().status.pod_ips;
  if (!s.pod_ips.empty())
    s.pod_ip = s.pod_ips.front().ip;
  for (const auto& c : containers_) {
    auto status = container_status_of(c);
    switch (c.role) {
    case container_role::init:
    case container_role::sidecar:
      s.init_container_statuses.push_back(std::move(status));
      break;
    case container_role::regular:
      s.container_statuses.push_back(std::move(status));
      break;
    case container_role::ephemeral:
      s.ephemeral_container_statuses.push_back(std::move(status));
      break;
    }
  }
  add_conditions(s, now);
  return s;
}

void pod_state::add_conditions(api::v1::pod_status& s, time now) const {
  std::vector<std::string> unready;
  std::vector<std::string> uninitialized;
  for (const auto& c : containers_) {
    const bool serves = c.role == container_role::regular || c.role == container_role::sidecar;
    if (serves && !c.ready())
      unready.push_back(c.spec.name);
    if (c.role == container_role::init && (c.phase != container_phase::exited || c.exit_code != 0))
      uninitialized.push_back(c.spec.name);
    if (c.role == container_role::sidecar && !c.started())
      uninitialized.push_back(c.spec.name);
  }
  const bool done = s.phase == "Succeeded";
  const auto& known = conditions_.empty() ? pod().status.conditions : conditions_;
  const auto add = [&](std::string type, bool ok, std::string reason, std::string message) {
    pod_condition c;
    c.type = std::move(type);
    c.status = ok ? "True" : "False";
    c.reason = std::move(reason);
    c.message = std::move(message);
    c.observed_generation = pod().metadata.generation;
    c.last_transition_time = api::format_time(now);
    for (const auto& old : known)
      if (old.type == c.type && old.status == c.status)
        c.last_transition_time = old.last_transition_time;
    s.conditions.push_back(std::move(c));
  };
  add("PodReadyToStartContainers", !sandbox_id_.empty(), {}, {});
  const bool initialized = uninitialized.empty() || done;
  add("Initialized", initialized,
      done          ? "PodCompleted"
      : initialized ? ""
                    : "ContainersNotInitialized",
      initialized ? "" : "containers with incomplete status: " + joined(uninitialized));
  const bool containers_ready = unready.empty() && initialized && !done && s.phase != "Failed";
  const std::string why = done                  ? "PodCompleted"
                          : s.phase == "Failed" ? "PodFailed"
                          : containers_ready    ? ""
                                                : "ContainersNotReady";
  const std::string which =
      why == "ContainersNotReady" ? "containers with unready status: " + joined(unready) : "";
  const auto gates = missing_gates(pod());
  if (containers_ready && !gates.empty())
    add("Ready", false, "ReadinessGatesNotReady", gates);
  else
    add("Ready", containers_ready, why, which);
  add("ContainersReady", containers_ready, why, which);
  if (const auto resize = resize_condition())
    add(resize->type, true, resize->reason, resize->message);
  if (disrupted_)
    add("DisruptionTarget", true, "TerminationByKubelet", failed_message_);
  for (const auto& other : pod().status.conditions)
    if (!owned_by_node(other.type) && !(disrupted_ && other.type == "DisruptionTarget")) {
      auto& c = s.conditions.emplace_back(other);
      if (c.type == "PodScheduled")
        c.observed_generation = pod().metadata.generation;
    }
  conditions_ = s.conditions;
}

bool pod_state::told_otherwise() const {
  const auto& shown = pod().status.conditions;
  return std::any_of(conditions_.begin(), conditions_.end(), [&](const auto& told) {
    if (!owned_by_node(told.type))
      return false;
    const auto i = std::find_if(shown.begin(), shown.end(),
                                [&](const auto& c) { return c.type == told.type; });
    return i == shown.end() || i->status != told.status;
  });
}

} // namespace thespis::actors
