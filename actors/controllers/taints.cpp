#include "actors/controllers/taints.hpp"

#include "actors/scheduler/filters.hpp"
#include "api/text/time.hpp"

#include <algorithm>
#include <array>

namespace thespis::actors {

namespace {

using api::v1::node;
using api::v1::taint;

constexpr const char* no_schedule = "NoSchedule";
constexpr const char* no_execute = "NoExecute";
constexpr const char* not_ready = "node.kubernetes.io/not-ready";
constexpr const char* unreachable = "node.kubernetes.io/unreachable";

struct pressure {
  const char* condition;
  const char* taint;
};
constexpr std::array<pressure, 4> pressures{{
    {"MemoryPressure", "node.kubernetes.io/memory-pressure"},
    {"DiskPressure", "node.kubernetes.io/disk-pressure"},
    {"PIDPressure", "node.kubernetes.io/pid-pressure"},
    {"NetworkUnavailable", "node.kubernetes.io/network-unavailable"},
}};

/// Returns whether something changed.
bool put(node& n, std::string_view key, std::string_view effect, bool wanted, wall_time now) {
  auto& all = n.spec.taints;
  const auto i = std::find_if(all.begin(), all.end(),
                              [&](const auto& t) { return t.key == key && t.effect == effect; });
  if ((i != all.end()) == wanted)
    return false;
  if (!wanted) {
    all.erase(i);
    return true;
  }
  taint t;
  t.key = key;
  t.effect = effect;
  t.time_added = api::format_time(now);
  all.push_back(std::move(t));
  return true;
}

bool is_true(const node& n, std::string_view type) {
  return std::any_of(n.status.conditions.begin(), n.status.conditions.end(),
                     [&](const auto& c) { return c.type == type && c.status == "True"; });
}

} // namespace

std::vector<observed_pod> pods_on(const std::string& node, const view& v) {
  std::vector<object_id> ids;
  v.for_each("pods", {}, [&](const api::object_ptr& o) {
    if (o->meta().node_name == node)
      ids.push_back({o->ns(), o->name()});
  });
  std::vector<observed_pod> res;
  for (const auto& id : ids)
    res.push_back(v.get<api::v1::pod>(id.ns, id.name));
  return res;
}

bool update_taints(node& n, const std::string& ready, bool may_empty, wall_time now) {
  bool res = false;
  // A node that has not said anything yet keeps what it registered with.
  if (!ready.empty())
    for (const auto* effect : {no_schedule, no_execute}) {
      const bool wanted = effect == no_schedule || may_empty;
      res |= put(n, not_ready, effect, wanted && ready == "False", now);
      res |= put(n, unreachable, effect, wanted && ready == "Unknown", now);
    }
  for (const auto& p : pressures)
    res |= put(n, p.taint, no_schedule, is_true(n, p.condition), now);
  res |= put(n, "node.kubernetes.io/unschedulable", no_schedule,
             n.spec.unschedulable.value_or(false), now);
  return res;
}

bool is_being_emptied(const node& n) {
  return std::any_of(n.spec.taints.begin(), n.spec.taints.end(), [](const auto& t) {
    return t.effect == no_execute && (t.key == not_ready || t.key == unreachable);
  });
}

std::vector<taint> evicting_taints(const node& n) {
  auto res = n.spec.taints;
  std::erase_if(res, [](const auto& t) { return t.effect != no_execute; });
  return res;
}

std::optional<wall_time> tolerated_until(const api::v1::pod& p, const std::vector<taint>& taints,
                                         wall_time now) {
  std::optional<wall_time> res;
  for (const auto& t : taints) {
    const auto& all = p.spec.tolerations;
    const auto i = std::find_if(all.begin(), all.end(),
                                [&](const auto& candidate) { return tolerates(candidate, t); });
    if (i == all.end())
      return wall_time{};
    if (!i->toleration_seconds)
      continue;
    const auto since = api::parse_time(t.time_added).value_or(now);
    const auto until = since + std::chrono::seconds{std::max<int64_t>(0, *i->toleration_seconds)};
    res = std::min(res.value_or(until), until);
  }
  return res;
}

} // namespace thespis::actors
