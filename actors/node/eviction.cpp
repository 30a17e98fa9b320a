#include "actors/node/eviction.hpp"

#include "actors/scheduler/filters.hpp"
#include "actors/scheduler/node_info.hpp"
#include "api/text/quantity.hpp"
#include "api/text/quote.hpp"

#include <algorithm>
#include <tuple>

namespace thespis::actors {

namespace {

using api::quantity;

constexpr int32_t system_critical = 2'000'000'000;
constexpr const char* storage = "ephemeral-storage";
constexpr std::array kinds{pressure_kind::memory, pressure_kind::disk, pressure_kind::pid};

pressure_kind kind_of(const std::string& signal) {
  if (signal == "memory.available")
    return pressure_kind::memory;
  return signal == "pid.available" ? pressure_kind::pid : pressure_kind::disk;
}

std::string resource_of(const std::string& signal) {
  if (signal == "memory.available")
    return "memory";
  if (signal == "pid.available")
    return "pids";
  return signal.ends_with(".inodesFree") ? "inodes" : storage;
}

std::string text_of(int64_t amount) {
  return quantity::of(amount, quantity::notation::binary_si).to_string();
}

quantity parsed(const std::string& text) {
  return api::parse_quantity(text).value_or(quantity{});
}

std::optional<quantity> amount_in(const std::map<std::string, std::string>& list,
                                  const std::string& name) {
  const auto i = list.find(name);
  return i == list.end() ? std::nullopt : std::optional{parsed(i->second)};
}

std::optional<quantity> limit_of(const api::v1::container& c) {
  return c.resources ? amount_in(c.resources->limits, storage) : std::nullopt;
}

bool is_best_effort(const api::v1::pod& pod) {
  return qos_class(pod.spec) == "BestEffort";
}

/// How much of what is short the pod uses, and how far that is beyond what it asked for.
struct standing {
  bool beyond = false;
  int32_t priority = 0;
  int64_t excess = 0;
};

standing standing_of(const eviction_candidate& c, const std::string& resource) {
  standing res;
  res.priority = c.pod->spec.priority.value_or(0);
  // A pod of which nothing is known goes before those that are known to keep to their requests.
  if (!c.usage) {
    res.beyond = true;
    return res;
  }
  const auto requests = pod_requests(c.pod->spec);
  if (resource == "memory")
    res.excess = c.usage->memory - requests.memory;
  else if (resource == storage)
    res.excess = c.usage->disk().bytes - requests.ephemeral_storage;
  else if (resource == "inodes")
    res.excess = c.usage->disk().inodes;
  else
    res.excess = c.usage->processes;
  // Nobody asks for processes: only priority and number tell there.
  res.beyond = resource != "pids" && res.excess > 0;
  return res;
}

bool goes_before(const standing& a, const standing& b) {
  return std::make_tuple(!a.beyond, a.priority, -a.excess) <
         std::make_tuple(!b.beyond, b.priority, -b.excess);
}

} // namespace

std::string to_string(pressure_kind k) {
  switch (k) {
  case pressure_kind::memory:
    return "MemoryPressure";
  case pressure_kind::disk:
    return "DiskPressure";
  case pressure_kind::pid:
    return "PIDPressure";
  }
  return {};
}

eviction_state::eviction_state(eviction_limits limits) : transition_(limits.transition) {
  const auto watch = [&](const std::vector<api::threshold>& all, bool soft) {
    for (const auto& t : all) {
      auto& w = watched_.emplace_back();
      w.limit = t;
      w.soft = soft;
      if (const auto i = limits.soft_grace.find(t.signal); soft && i != limits.soft_grace.end())
        w.grace = i->second;
      for (const auto& r : limits.reclaim)
        if (r.signal == t.signal)
          w.reclaim = r;
    }
  };
  watch(limits.hard, false);
  watch(limits.soft, true);
}

std::vector<shortage> eviction_state::observe(const std::map<std::string, node_supply>& supplies,
                                              time now) {
  std::vector<shortage> res;
  for (auto& w : watched_) {
    const auto& signal = w.limit.signal;
    const auto i = supplies.find(signal);
    // Of what nobody can tell, what was told last stays so.
    if (i == supplies.end())
      continue;
    const auto least = api::least_of(w.limit, i->second.capacity);
    const auto enough =
        least + (w.crossed && w.reclaim ? api::least_of(*w.reclaim, i->second.capacity) : 0);
    if (i->second.available >= enough) {
      w.crossed.reset();
      continue;
    }
    if (!w.crossed)
      w.crossed = now;
    pressures_[static_cast<size_t>(kind_of(signal))] = now;
    if (now - *w.crossed >= w.grace)
      res.push_back({signal, resource_of(signal), least, i->second.available, w.soft});
  }
  for (auto& seen : pressures_)
    if (seen && now - *seen >= transition_ && *seen != now)
      seen.reset();
  std::stable_sort(res.begin(), res.end(), [](const auto& a, const auto& b) {
    return kind_of(a.signal) < kind_of(b.signal);
  });
  return res;
}

std::string eviction_state::pressures() const {
  std::string res;
  for (const auto k : kinds)
    if (under(k))
      res += (res.empty() ? "[" : " ") + to_string(k);
  return res.empty() ? res : res + "]";
}

std::optional<std::string> eviction_state::refuse(const api::v1::pod& pod) const {
  const auto all = pressures();
  if (all.empty() || is_critical(pod))
    return std::nullopt;
  if (!under(pressure_kind::disk) && !under(pressure_kind::pid)) {
    api::v1::taint pressed;
    pressed.key = "node.kubernetes.io/memory-pressure";
    pressed.effect = "NoSchedule";
    if (!is_best_effort(pod) || tolerates(pod.spec.tolerations, pressed))
      return std::nullopt;
  }
  return "The node had condition: " + all + ". ";
}

std::vector<eviction_candidate> rank_for_eviction(std::vector<eviction_candidate> pods,
                                                  const shortage& why) {
  std::erase_if(pods, [](const auto& c) { return is_critical(*c.pod); });
  std::stable_sort(pods.begin(), pods.end(), [&](const auto& a, const auto& b) {
    return goes_before(standing_of(a, why.resource), standing_of(b, why.resource));
  });
  return pods;
}

std::string eviction_message(const eviction_candidate& pod, const shortage& why) {
  auto res = "The node was low on resource: " + why.resource +
             ". Threshold quantity: " + text_of(why.least) +
             ", available: " + text_of(why.available) + ". ";
  if (!pod.usage)
    return res;
  const auto add = [&](const std::string& container, int64_t used) {
    for (const auto& c : pod.pod->spec.containers) {
      if (c.name != container)
        continue;
      const auto request =
          c.resources ? amount_in(c.resources->requests, why.resource) : std::nullopt;
      if (quantity::of(used) > request.value_or(quantity{}))
        res += "Container " + container + " was using " + text_of(used) + ", request is " +
               request.value_or(quantity{}).to_string() + ", has larger consumption of " +
               why.resource + ". ";
    }
  };
  if (why.resource == "memory")
    for (const auto& [name, used] : pod.usage->container_memory)
      add(name, used);
  if (why.resource == storage)
    for (const auto& [name, used] : pod.usage->container_disks)
      add(name, used.bytes);
  return res;
}

std::optional<std::string> storage_overuse(const api::v1::pod& pod, const pod_footprint& usage) {
  for (const auto& v : pod.spec.volumes) {
    const auto used = usage.volumes.find(v.name);
    if (!v.empty_dir || v.empty_dir->size_limit.empty() || used == usage.volumes.end())
      continue;
    const auto limit = parsed(v.empty_dir->size_limit);
    if (limit.sign() > 0 && quantity::of(used->second.bytes) > limit)
      return "Usage of EmptyDir volume " + api::quote_go(v.name) + " exceeds the limit " +
             api::quote_go(limit.to_string()) + ". ";
  }
  std::optional<quantity> total;
  for (const auto& c : pod.spec.containers)
    if (const auto limit = limit_of(c))
      total = total.value_or(quantity{}) + *limit;
  if (total && quantity::of(usage.disk().bytes) > *total)
    return "Pod ephemeral local storage usage exceeds the total limit of containers " +
           total->to_string() + ". ";
  for (const auto& c : pod.spec.containers) {
    const auto limit = limit_of(c);
    const auto used = usage.container_disks.find(c.name);
    if (limit && used != usage.container_disks.end() && quantity::of(used->second.bytes) > *limit)
      return "Container " + c.name + " exceeded its local ephemeral storage limit " +
             api::quote_go(limit->to_string()) + ". ";
  }
  return std::nullopt;
}

bool limits_storage(const api::v1::pod_spec& spec) {
  return std::any_of(
             spec.volumes.begin(), spec.volumes.end(),
             [](const auto& v) { return v.empty_dir && !v.empty_dir->size_limit.empty(); }) ||
         std::any_of(spec.containers.begin(), spec.containers.end(),
                     [](const auto& c) { return limit_of(c).has_value(); });
}

bool is_critical(const api::v1::pod& pod) {
  const auto& notes = pod.metadata.annotations;
  const auto source = notes.find("kubernetes.io/config.source");
  return notes.contains("kubernetes.io/config.mirror") ||
         (source != notes.end() && source->second != "api") ||
         pod.spec.priority.value_or(0) >= system_critical;
}

} // namespace thespis::actors
