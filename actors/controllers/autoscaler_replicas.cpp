#include "actors/controllers/autoscaler_replicas.hpp"

#include "api/text/quantity.hpp"
#include "api/text/time.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

namespace thespis::actors::autoscaling {

namespace v1 = api::v1;

namespace {

api::result<proposal> no(std::string why) {
  api::error e;
  e.message = std::move(why);
  return api::fail(std::move(e));
}

bool is_within(double ratio) {
  return std::abs(1.0 - ratio) <= tolerance;
}

int32_t times(double ratio, size_t pods) {
  return static_cast<int32_t>(std::ceil(ratio * static_cast<double>(pods)));
}

/// Whether the pod's CPU is no measure of its load yet.
bool cpu_is_early(const v1::pod& p, const pod_metric& m, wall_time now) {
  const auto& all = p.status.conditions;
  const auto ready =
      std::find_if(all.begin(), all.end(), [](const auto& c) { return c.type == "Ready"; });
  const auto start = api::parse_time(p.status.start_time);
  if (ready == all.end() || !start)
    return true;
  const auto changed = api::parse_time(ready->last_transition_time).value_or(wall_time{});
  const bool unready = ready->status == "False";
  if (*start + cpu_initialization > now)
    return unready || m.timestamp < changed + m.window;
  return unready && *start + initial_readiness_delay > changed;
}

void drop(pod_metrics& metrics, const std::set<std::string>& names) {
  for (const auto& n : names)
    metrics.erase(n);
}

struct ratio {
  double of_target = 0;
  int32_t utilization = 0;
  int64_t average = 0;
};

/// Measured against what was wanted; nothing when no pod of the metrics has asked for anything.
using judge = std::function<std::optional<ratio>(const pod_metrics&)>;

/// What both kinds of averages have in common: pods without a measure are taken for what makes
/// the change smaller.
api::result<proposal> propose(int32_t current, pod_metrics metrics, const pod_list& pods,
                              const std::string& resource, wall_time now, const judge& measure,
                              const std::function<int64_t(const std::string&)>& fallback) {
  if (pods.empty())
    return no("no pods returned by selector while calculating replica count");
  const auto groups = group_pods(pods, metrics, resource, now);
  drop(metrics, groups.ignored);
  drop(metrics, groups.unready);
  if (metrics.empty())
    return no("did not receive metrics for targeted pods (pods might be unready)");
  const auto seen = measure(metrics);
  if (!seen)
    return no("no metrics returned matched known pods");
  proposal res{current, seen->utilization, seen->average};
  const bool up_with_unready = !groups.unready.empty() && seen->of_target > 1.0;
  if (!up_with_unready && groups.missing.empty()) {
    if (!is_within(seen->of_target))
      res.replicas = times(seen->of_target, static_cast<size_t>(groups.ready));
    return res;
  }
  for (const auto& name : groups.missing) {
    if (seen->of_target < 1.0)
      metrics[name] = {fallback(name), {}, {}};
    else if (seen->of_target > 1.0)
      metrics[name] = {};
  }
  if (up_with_unready)
    for (const auto& name : groups.unready)
      metrics[name] = {};
  const auto cautious = measure(metrics);
  if (!cautious)
    return no("no metrics returned matched known pods");
  const bool turned = (seen->of_target < 1.0 && cautious->of_target > 1.0) ||
                      (seen->of_target > 1.0 && cautious->of_target < 1.0);
  if (is_within(cautious->of_target) || turned)
    return res;
  const auto wanted = times(cautious->of_target, metrics.size());
  const bool other_way = (cautious->of_target < 1.0 && wanted > current) ||
                         (cautious->of_target > 1.0 && wanted < current);
  if (!other_way)
    res.replicas = wanted;
  return res;
}

/// In millis for CPU, in units else.
int64_t amount(const std::string& text, std::string_view resource) {
  const auto q = api::parse_quantity(text);
  if (!q)
    return 0;
  return resource == "cpu" ? q->milli_value() : q->value();
}

bool is_sidecar(const v1::container& c) {
  return c.restart_policy == "Always";
}

} // namespace

pod_groups group_pods(const pod_list& pods, const pod_metrics& metrics, std::string_view resource,
                      wall_time now) {
  pod_groups res;
  for (const auto& p : pods) {
    const auto& name = p->metadata.name;
    if (!p->metadata.deletion_timestamp.empty() || p->status.phase == "Failed") {
      res.ignored.insert(name);
    } else if (p->status.phase == "Pending") {
      res.unready.insert(name);
    } else if (const auto m = metrics.find(name); m == metrics.end()) {
      res.missing.insert(name);
    } else if (resource == "cpu" && cpu_is_early(*p, m->second, now)) {
      res.unready.insert(name);
    } else {
      ++res.ready;
    }
  }
  return res;
}

api::result<std::map<std::string, int64_t>> requests_of(const pod_list& pods,
                                                        const resource_measure& what) {
  std::map<std::string, int64_t> res;
  for (const auto& p : pods) {
    auto& sum = res[p->metadata.name];
    if (what.container.empty() && p->spec.resources) {
      const auto& whole = p->spec.resources->requests;
      if (const auto i = whole.find(what.resource); i != whole.end()) {
        sum = amount(i->second, what.resource);
        continue;
      }
    }
    std::vector<const v1::container*> all;
    for (const auto& c : p->spec.containers)
      all.push_back(&c);
    for (const auto& c : p->spec.init_containers)
      if (is_sidecar(c))
        all.push_back(&c);
    for (const auto* c : all) {
      if (!what.container.empty() && c->name != what.container)
        continue;
      const auto* asked = c->resources ? &c->resources->requests : nullptr;
      if (!asked || !asked->contains(what.resource)) {
        api::error e;
        e.message = "missing request for " + what.resource + " in container " + c->name +
                    " of Pod " + p->metadata.name;
        return api::fail(std::move(e));
      }
      sum += amount(asked->at(what.resource), what.resource);
    }
  }
  return res;
}

api::result<proposal> by_utilization(int32_t current, int32_t target, pod_metrics metrics,
                                     const pod_list& pods, const resource_measure& what,
                                     wall_time now) {
  std::map<std::string, int64_t> requests;
  // Kubernetes looks at what is measured first, so what else is wrong is told before this.
  auto asked = requests_of(pods, what);
  std::string missing;
  if (asked)
    requests = std::move(*asked);
  else
    missing = asked.error().message;
  auto measure = [&](const pod_metrics& m) -> std::optional<ratio> {
    int64_t used = 0, wanted = 0, counted = 0;
    for (const auto& [name, metric] : m)
      if (const auto r = requests.find(name); r != requests.end()) {
        used += metric.value;
        wanted += r->second;
        ++counted;
      }
    if (wanted == 0)
      return std::nullopt;
    const auto utilization = static_cast<int32_t>(used * 100 / wanted);
    return ratio{static_cast<double>(utilization) / target, utilization, used / counted};
  };
  auto fallback = [&](const std::string& pod) {
    const auto r = requests.find(pod);
    return r == requests.end() ? 0 : r->second * std::max(100, target) / 100;
  };
  auto res = propose(current, std::move(metrics), pods, what.resource, now, measure, fallback);
  if (!res && !missing.empty() && res.error().message == "no metrics returned matched known pods")
    return no(std::move(missing));
  return res;
}

api::result<proposal> by_average(int32_t current, int64_t target, pod_metrics metrics,
                                 const pod_list& pods, const resource_measure& what,
                                 wall_time now) {
  auto measure = [&](const pod_metrics& m) -> std::optional<ratio> {
    int64_t used = 0;
    for (const auto& [name, metric] : m)
      used += metric.value;
    const auto average = used / static_cast<int64_t>(m.size());
    return ratio{static_cast<double>(average) / static_cast<double>(target), 0, average};
  };
  return propose(current, std::move(metrics), pods, what.resource, now, measure,
                 [&](const std::string&) { return target; });
}

api::result<proposal> by_value(int32_t current, int64_t target, int64_t usage,
                               const pod_list& pods) {
  const auto of_target = static_cast<double>(usage) / static_cast<double>(target);
  proposal res{current, 0, usage};
  if (current == 0) {
    res.replicas = times(of_target, 1);
    return res;
  }
  if (is_within(of_target))
    return res;
  if (pods.empty())
    return no("unable to calculate ready pods: no pods returned by selector while calculating "
              "replica count");
  const auto ready = std::count_if(pods.begin(), pods.end(), [](const auto& p) {
    const auto& all = p->status.conditions;
    return p->status.phase == "Running" && std::any_of(all.begin(), all.end(), [](const auto& c) {
             return c.type == "Ready" && c.status == "True";
           });
  });
  res.replicas = times(of_target, static_cast<size_t>(ready));
  return res;
}

proposal by_value_per_pod(int32_t present, int64_t target, int64_t usage) {
  proposal res{present, 0, 0};
  const auto whole = static_cast<double>(target) * present;
  if (present == 0 || !is_within(static_cast<double>(usage) / whole))
    res.replicas =
        static_cast<int32_t>(std::ceil(static_cast<double>(usage) / static_cast<double>(target)));
  res.average = present == 0 ? usage : (usage + present - 1) / present;
  return res;
}

} // namespace thespis::actors::autoscaling
