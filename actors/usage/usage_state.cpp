#include "actors/usage/usage_state.hpp"

#include <algorithm>
#include <tuple>

namespace thespis::actors {

namespace {

/// Nothing when no time passed or the counter began anew.
std::optional<uint64_t> cpu_rate(int64_t before, uint64_t cpu_before, int64_t after,
                                 uint64_t cpu_after) {
  if (after <= before || cpu_after < cpu_before)
    return std::nullopt;
  const auto cores =
      static_cast<double>(cpu_after - cpu_before) / static_cast<double>(after - before);
  return static_cast<uint64_t>(cores * 1e9);
}

const pod_usage* find_pod(const usage_report& r, const std::string& uid) {
  const auto i =
      std::find_if(r.pods.begin(), r.pods.end(), [&](const pod_usage& p) { return p.uid == uid; });
  return i == r.pods.end() ? nullptr : &*i;
}

const container_usage* find_container(const pod_usage& p, const std::string& name) {
  const auto i = std::find_if(p.containers.begin(), p.containers.end(),
                              [&](const container_usage& c) { return c.name == name; });
  return i == p.containers.end() ? nullptr : &*i;
}

std::optional<pod_rate> rate_of(const pod_usage* before, const pod_usage& after) {
  if (!before)
    return std::nullopt;
  pod_rate res{after.ns, after.name, after.uid, 0, 0, {}};
  for (const auto& c : after.containers) {
    const auto* old = find_container(*before, c.name);
    if (!old)
      return std::nullopt;
    const auto cores =
        cpu_rate(old->timestamp, old->cpu_nanoseconds, c.timestamp, c.cpu_nanoseconds);
    if (!cores)
      return std::nullopt;
    res.containers.push_back({c.name, {*cores, c.memory_bytes}});
    // Containers are measured at almost the same time; the pod's is that of the first.
    if (res.timestamp == 0) {
      res.timestamp = c.timestamp;
      res.window = c.timestamp - old->timestamp;
    }
  }
  if (res.containers.empty())
    return std::nullopt;
  return res;
}

} // namespace

void usage_book::take(const std::string& node, const usage_report& report) {
  const std::lock_guard lock{mutex_};
  auto& known = nodes_[node];
  known.rate.reset();
  known.pods.clear();
  if (known.last.ok && report.ok) {
    if (const auto cores = cpu_rate(known.last.timestamp, known.last.cpu_nanoseconds,
                                    report.timestamp, report.cpu_nanoseconds))
      known.rate = node_rate{node,
                             report.timestamp,
                             report.timestamp - known.last.timestamp,
                             {*cores, report.memory_bytes}};
    // Both are in the order of their uids, as nodes tell them; a search for each is the exception.
    size_t next = 0;
    for (const auto& p : report.pods) {
      const auto& old = known.last.pods;
      while (next < old.size() && old[next].uid < p.uid)
        ++next;
      const auto* before =
          next < old.size() && old[next].uid == p.uid ? &old[next] : find_pod(known.last, p.uid);
      if (auto rate = rate_of(before, p))
        known.pods.emplace(std::pair{p.ns, p.name}, std::move(*rate));
    }
  }
  known.last = report;
}

void usage_book::keep(const std::vector<std::string>& nodes) {
  const std::lock_guard lock{mutex_};
  std::erase_if(nodes_, [&](const auto& n) {
    return std::find(nodes.begin(), nodes.end(), n.first) == nodes.end();
  });
}

std::vector<node_rate> usage_book::nodes() const {
  const std::lock_guard lock{mutex_};
  std::vector<node_rate> res;
  for (const auto& [name, n] : nodes_)
    if (n.rate)
      res.push_back(*n.rate);
  return res;
}

std::optional<node_rate> usage_book::node(std::string_view name) const {
  const std::lock_guard lock{mutex_};
  const auto i = nodes_.find(name);
  return i == nodes_.end() ? std::nullopt : i->second.rate;
}

std::vector<pod_rate> usage_book::pods(std::string_view ns) const {
  const std::lock_guard lock{mutex_};
  std::vector<pod_rate> res;
  for (const auto& [name, n] : nodes_)
    for (const auto& [key, p] : n.pods)
      if (ns.empty() || key.first == ns)
        res.push_back(p);
  std::sort(res.begin(), res.end(), [](const pod_rate& a, const pod_rate& b) {
    return std::tie(a.ns, a.name) < std::tie(b.ns, b.name);
  });
  return res;
}

std::optional<pod_rate> usage_book::pod(std::string_view ns, std::string_view name) const {
  const std::lock_guard lock{mutex_};
  for (const auto& [node, n] : nodes_)
    if (const auto i = n.pods.find({std::string{ns}, std::string{name}}); i != n.pods.end())
      return i->second;
  return std::nullopt;
}

} // namespace thespis::actors
