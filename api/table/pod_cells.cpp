// How a pod is summed up in one row; the words are those of kubectl.
#include "api/table/cells.hpp"

#include <algorithm>
#include <map>

namespace thespis::api::table {

namespace {

const json::value* state(const json::value& status, std::string_view which) {
  const auto* v = json::at(status, {"state", which});
  return v && v->IsObject() ? v : nullptr;
}

/// A terminated container without a reason: "Signal:9", "ExitCode:1".
std::string exit_text(const json::value& terminated) {
  if (auto signal = json::get_int(terminated, "signal"); signal != 0)
    return "Signal:" + std::to_string(signal);
  return "ExitCode:" + std::to_string(json::get_int(terminated, "exitCode"));
}

bool condition_true(const json::value& pod, std::string_view type) {
  for (const auto* c : items_at(pod, {"status", "conditions"}))
    if (json::get_string(*c, "type") == type)
      return json::get_string(*c, "status") == "True";
  return false;
}

struct summary {
  std::string reason;
  int64_t ready = 0;
  int64_t total = 0;
  int64_t restarts = 0;
  std::optional<timestamp> last_restart;

  void count_restarts(const json::value& status) {
    restarts += json::get_int(status, "restartCount");
    if (auto at = parse_time(text_at(status, {"lastState", "terminated", "finishedAt"})))
      last_restart = last_restart ? std::max(*last_restart, *at) : *at;
  }
};

/// Init containers that run beside the others.
std::map<std::string, bool, std::less<>> sidecars_of(const json::value& pod) {
  std::map<std::string, bool, std::less<>> out;
  for (const auto* c : items_at(pod, {"spec", "initContainers"}))
    out[std::string(json::get_string(*c, "name"))] =
        json::get_string(*c, "restartPolicy") == "Always";
  return out;
}

/// What an init container that is not done says; empty when it is done.
std::string init_reason(const json::value& status, bool sidecar, size_t index, int64_t count,
                        summary& s) {
  const auto* terminated = state(status, "terminated");
  if (terminated && json::get_int(*terminated, "exitCode") == 0)
    return {};
  if (sidecar && json::get_bool(status, "started")) {
    s.ready += json::get_bool(status, "ready") ? 1 : 0;
    return {};
  }
  if (terminated) {
    auto reason = json::get_string(*terminated, "reason");
    return "Init:" + (reason.empty() ? exit_text(*terminated) : std::string(reason));
  }
  if (const auto* waiting = state(status, "waiting")) {
    auto reason = json::get_string(*waiting, "reason");
    if (!reason.empty() && reason != "PodInitializing")
      return "Init:" + std::string(reason);
  }
  return "Init:" + std::to_string(index) + "/" + std::to_string(count);
}

/// Sums up the init containers; true while one of them is not done. `of_sidecars` gets the
/// restarts that still count when the main containers run.
bool sum_init_containers(const json::value& pod, summary& s, summary& of_sidecars) {
  auto sidecars = sidecars_of(pod);
  for (const auto& [name, sidecar] : sidecars)
    s.total += sidecar ? 1 : 0;
  auto count = count_at(pod, {"spec", "initContainers"});
  size_t index = 0;
  for (const auto* status : items_at(pod, {"status", "initContainerStatuses"})) {
    auto it = sidecars.find(json::get_string(*status, "name"));
    bool sidecar = it != sidecars.end() && it->second;
    s.count_restarts(*status);
    if (sidecar)
      of_sidecars.count_restarts(*status);
    auto reason = init_reason(*status, sidecar, index++, count, s);
    if (!reason.empty()) {
      s.reason = std::move(reason);
      return true;
    }
  }
  return false;
}

void sum_containers(const json::value& pod, summary& s) {
  bool has_running = false;
  auto statuses = items_at(pod, {"status", "containerStatuses"});
  for (auto it = statuses.rbegin(); it != statuses.rend(); ++it) {
    const auto& status = **it;
    s.count_restarts(status);
    const auto* waiting = state(status, "waiting");
    const auto* terminated = state(status, "terminated");
    if (waiting && !json::get_string(*waiting, "reason").empty()) {
      s.reason = json::get_string(*waiting, "reason");
    } else if (terminated) {
      auto reason = json::get_string(*terminated, "reason");
      s.reason = reason.empty() ? exit_text(*terminated) : std::string(reason);
    } else if (json::get_bool(status, "ready") && state(status, "running")) {
      has_running = true;
      ++s.ready;
    }
  }
  if (s.reason == "Completed" && has_running)
    s.reason = condition_true(pod, "Ready") ? "Running" : "NotReady";
}

std::string readiness_gates(const json::value& pod) {
  auto gates = items_at(pod, {"spec", "readinessGates"});
  if (gates.empty())
    return "<none>";
  auto open = std::count_if(gates.begin(), gates.end(), [&](const auto* gate) {
    return condition_true(pod, json::get_string(*gate, "conditionType"));
  });
  return std::to_string(open) + "/" + std::to_string(gates.size());
}

std::string initial_reason(const json::value& pod) {
  auto reason = text_at(pod, {"status", "reason"}, text_at(pod, {"status", "phase"}));
  for (const auto* c : items_at(pod, {"status", "conditions"}))
    if (json::get_string(*c, "type") == "PodScheduled" &&
        json::get_string(*c, "reason") == "SchedulingGated")
      reason = "SchedulingGated";
  return reason;
}

summary sum_up(const json::value& pod) {
  summary s;
  summary of_sidecars;
  s.reason = initial_reason(pod);
  s.total = count_at(pod, {"spec", "containers"});
  bool initializing = sum_init_containers(pod, s, of_sidecars);
  if (!initializing || condition_true(pod, "Initialized")) {
    s.restarts = of_sidecars.restarts;
    s.last_restart = of_sidecars.last_restart;
    sum_containers(pod, s);
  }
  if (!text_at(pod, {"metadata", "deletionTimestamp"}).empty()) {
    auto phase = text_at(pod, {"status", "phase"});
    if (text_at(pod, {"status", "reason"}) == "NodeLost")
      s.reason = "Unknown";
    else if (phase != "Succeeded" && phase != "Failed")
      s.reason = "Terminating";
  }
  return s;
}

} // namespace

row pod_cells(const json::value& pod, timestamp now) {
  auto s = sum_up(pod);
  auto restarts = std::to_string(s.restarts);
  if (s.restarts != 0 && s.last_restart)
    restarts += " (" + human_duration(now - *s.last_restart) + " ago)";
  auto ips = items_at(pod, {"status", "podIPs"});
  auto ip = ips.empty() ? text_at(pod, {"status", "podIP"}, "<none>") : text_at(*ips[0], {"ip"});
  return {object_name(pod),
          std::to_string(s.ready) + "/" + std::to_string(s.total),
          s.reason,
          restarts,
          object_age(pod, now),
          ip,
          text_at(pod, {"spec", "nodeName"}, "<none>"),
          text_at(pod, {"status", "nominatedNodeName"}, "<none>"),
          readiness_gates(pod)};
}

} // namespace thespis::api::table
