#include "actors/controllers/autoscaler_pace.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace thespis::actors::autoscaling {

namespace v1 = api::v1;

namespace {

using std::chrono::seconds;

constexpr int32_t downscale_window = 300;

v1::hpa_scaling_policy policy(std::string type, int32_t value) {
  v1::hpa_scaling_policy res;
  res.type = std::move(type);
  res.value = value;
  res.period_seconds = 15;
  return res;
}

/// What is left out of a direction's rules is as Kubernetes has it.
v1::hpa_scaling_rules rules_of(const v1::horizontal_pod_autoscaler& hpa, bool up) {
  v1::hpa_scaling_rules res;
  if (hpa.spec.behavior)
    if (const auto& own = up ? hpa.spec.behavior->scale_up : hpa.spec.behavior->scale_down)
      res = *own;
  if (res.select_policy.empty())
    res.select_policy = "Max";
  if (res.policies.empty()) {
    res.policies.push_back(policy("Percent", 100));
    if (up)
      res.policies.push_back(policy("Pods", 4));
  }
  if (!res.stabilization_window_seconds)
    res.stabilization_window_seconds = up ? 0 : downscale_window;
  return res;
}

int32_t longest_period(const v1::hpa_scaling_rules& r) {
  int32_t res = 0;
  for (const auto& p : r.policies)
    res = std::max(res, p.period_seconds);
  return res;
}

/// Takes the place of an entry that is outdated, or is added.
void put(std::vector<memory::entry>& all, const memory::entry& e) {
  const auto old = std::find_if(all.begin(), all.end(), [](const auto& x) { return x.outdated; });
  if (old == all.end())
    all.push_back(e);
  else
    *old = e;
}

int32_t changed_within(const std::vector<memory::entry>& all, int32_t period, wall_time now) {
  int32_t res = 0;
  for (const auto& e : all)
    if (e.when > now - seconds{period})
      res += e.count;
  return res;
}

/// The number after the largest (or smallest) step that policies allow.
int32_t limit_of(const v1::hpa_scaling_rules& rules, const memory& past, int32_t current, bool up,
                 wall_time now) {
  if (rules.select_policy == "Disabled")
    return current;
  // The policy that lets the number go farthest, or least far.
  const bool highest = (rules.select_policy == "Max") == up;
  int32_t res = highest ? std::numeric_limits<int32_t>::min() : std::numeric_limits<int32_t>::max();
  for (const auto& p : rules.policies) {
    const auto begin = current - changed_within(past.ups, p.period_seconds, now) +
                       changed_within(past.downs, p.period_seconds, now);
    const int32_t sign = up ? 1 : -1;
    int32_t allowed = begin + sign * p.value;
    if (p.type == "Percent") {
      const auto exact =
          static_cast<double>(begin) * (1 + sign * static_cast<double>(p.value) / 100);
      allowed = static_cast<int32_t>(up ? std::ceil(exact) : std::trunc(exact));
    }
    res = highest ? std::max(res, allowed) : std::min(res, allowed);
  }
  return up ? std::max(res, current) : std::min(res, current);
}

constexpr const char* too_many = "the desired replica count is more than the maximum replica count";
constexpr const char* too_few = "the desired replica count is less than the minimum replica count";
constexpr const char* too_fast_up =
    "the desired replica count is increasing faster than the maximum scale rate";
constexpr const char* too_fast_down =
    "the desired replica count is decreasing faster than the maximum scale rate";

void stay_in_range(pace& res) {
  res.limit = {"DesiredWithinRange", "the desired count is within the acceptable range"};
}

/// The highest recommendation of the last minutes: it goes down slowly and up at once.
int32_t stabilize(memory& past, int32_t recommended, wall_time now) {
  int32_t res = recommended;
  for (auto& e : past.recommendations) {
    e.outdated = e.when < now - seconds{downscale_window};
    if (!e.outdated)
      res = std::max(res, e.count);
  }
  put(past.recommendations, {now, recommended, false});
  return res;
}

pace hold_plainly(const v1::horizontal_pod_autoscaler& hpa, memory& past, int32_t current,
                  int32_t recommended, wall_time now) {
  pace res;
  const auto wanted = stabilize(past, recommended, now);
  res.able_to_scale =
      wanted == recommended
          ? remark{"ReadyForNewScale", "recommended size matches current size"}
          : remark{"ScaleDownStabilized", "recent recommendations were higher than current one, "
                                          "applying the highest recent recommendation"};
  const auto fastest = std::max(2 * current, 4);
  const auto least = hpa.spec.min_replicas.value_or(1);
  const auto most = std::min(hpa.spec.max_replicas, fastest);
  res.replicas = std::clamp(wanted, std::min(least, most), most);
  res.limited = res.replicas != wanted;
  if (wanted < least)
    res.limit = {"TooFewReplicas", too_few};
  else if (wanted > most)
    res.limit = hpa.spec.max_replicas > fastest ? remark{"ScaleUpLimit", too_fast_up}
                                                : remark{"TooManyReplicas", too_many};
  else
    stay_in_range(res);
  return res;
}

/// The number nearest to the present one between the lowest and the highest of what was
/// recommended within the windows.
int32_t stabilize_both_ways(memory& past, const v1::hpa_scaling_rules& up,
                            const v1::hpa_scaling_rules& down, int32_t current, int32_t recommended,
                            wall_time now) {
  const auto since_up = now - seconds{*up.stabilization_window_seconds};
  const auto since_down = now - seconds{*down.stabilization_window_seconds};
  int32_t low = recommended;
  int32_t high = recommended;
  for (auto& e : past.recommendations) {
    if (e.when > since_up)
      low = std::min(low, e.count);
    if (e.when > since_down)
      high = std::max(high, e.count);
    e.outdated = e.when < since_up && e.when < since_down;
  }
  put(past.recommendations, {now, recommended, false});
  return std::min(std::max(current, low), high);
}

void limit_rate(const v1::horizontal_pod_autoscaler& hpa, const memory& past, int32_t current,
                wall_time now, pace& res) {
  const auto wanted = res.replicas;
  stay_in_range(res);
  if (wanted > current) {
    const auto fastest = limit_of(rules_of(hpa, true), past, current, true, now);
    const auto most = std::min(hpa.spec.max_replicas, fastest);
    if (wanted > most) {
      res.replicas = most;
      res.limit = hpa.spec.max_replicas > fastest ? remark{"ScaleUpLimit", too_fast_up}
                                                  : remark{"TooManyReplicas", too_many};
    }
  } else if (wanted < current) {
    const auto fastest = limit_of(rules_of(hpa, false), past, current, false, now);
    const auto least = hpa.spec.min_replicas.value_or(1);
    if (wanted < std::max(least, fastest)) {
      res.replicas = std::max(least, fastest);
      res.limit = least < fastest ? remark{"ScaleDownLimit", too_fast_down}
                                  : remark{"TooFewReplicas", too_few};
    }
  }
  res.limited = res.replicas != wanted;
}

} // namespace

pace hold(const v1::horizontal_pod_autoscaler& hpa, memory& past, int32_t current,
          int32_t recommended, wall_time now) {
  if (!hpa.spec.behavior)
    return hold_plainly(hpa, past, current, recommended, now);
  pace res;
  res.replicas = stabilize_both_ways(past, rules_of(hpa, true), rules_of(hpa, false), current,
                                     recommended, now);
  if (res.replicas == recommended)
    res.able_to_scale = {"ReadyForNewScale", "recommended size matches current size"};
  else if (recommended >= current)
    res.able_to_scale = {"ScaleUpStabilized", "recent recommendations were lower than current one, "
                                              "applying the lowest recent recommendation"};
  else
    res.able_to_scale = {"ScaleDownStabilized",
                         "recent recommendations were higher than current one, applying the "
                         "highest recent recommendation"};
  limit_rate(hpa, past, current, now, res);
  return res;
}

void remember_change(const v1::horizontal_pod_autoscaler& hpa, memory& past, int32_t before,
                     int32_t after, wall_time now) {
  if (!hpa.spec.behavior)
    return;
  const bool up = after > before;
  auto& all = up ? past.ups : past.downs;
  const auto period = longest_period(rules_of(hpa, up));
  for (auto& e : all)
    e.outdated = e.when < now - seconds{period};
  put(all, {now, std::abs(after - before), false});
}

} // namespace thespis::actors::autoscaling
