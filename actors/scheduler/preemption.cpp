#include "actors/scheduler/preemption.hpp"

#include <algorithm>
#include <tuple>

namespace thespis::actors {

namespace {

bool more_important(const placed_pod* a, const placed_pod* b) {
  if (a->info->priority != b->info->priority)
    return a->info->priority > b->info->priority;
  return a->start < b->start;
}

/// Divides pods, the most important first, into those whose end would violate a budget and others.
std::pair<std::vector<placed_pod*>, std::vector<placed_pod*>>
by_budget(const std::vector<placed_pod*>& pods, const scheduling_cache& cache) {
  std::map<std::string, int32_t> left;
  for (const auto& [uid, b] : cache.budgets)
    left[uid] = b.allowed;
  std::pair<std::vector<placed_pod*>, std::vector<placed_pod*>> res;
  for (auto* p : pods) {
    bool violates = false;
    for (const auto& [uid, b] : cache.budgets)
      if (b.ns == p->kind->ns && !p->kind->labels.empty() && !b.under_way.contains(p->name) &&
          b.selector.matches(p->kind->labels))
        violates = --left[uid] < 0 || violates;
    (violates ? res.first : res.second).push_back(p);
  }
  return res;
}

struct candidate {
  const node_info* node = nullptr;
  std::vector<placed_pod*> victims; ///< the most important first
  int64_t violations = 0;

  /// The less the better.
  auto cost() const {
    int64_t sum = 0;
    for (const auto* v : victims)
      sum += int64_t{v->info->priority} + INT32_MAX + 1;
    return std::tuple{violations, victims.front()->info->priority, sum, victims.size()};
  }
  /// When the first of its most important victims began.
  std::string earliest() const {
    std::string res;
    for (const auto* v : victims)
      if (v->info->priority == victims.front()->info->priority && (res.empty() || v->start < res))
        res = v->start;
    return res;
  }
  bool better_than(const candidate& o) const {
    return cost() != o.cost() ? cost() < o.cost() : earliest() > o.earliest();
  }
};

/// The fewest pods of the node that have to go; none when all would not be enough.
candidate judge(scheduling_cache& cache, const pod_info& p, const node_info& n,
                const fit_check& fits) {
  candidate res;
  std::vector<placed_pod*> lower;
  for (auto* q : n.placed)
    if (q->info->priority < p.priority)
      lower.push_back(q);
  if (lower.empty())
    return res;
  for (auto* q : lower)
    cache.detach(*q);
  std::vector<placed_pod*> gone;
  if (fits(n)) {
    std::sort(lower.begin(), lower.end(), more_important);
    const auto [violating, others] = by_budget(lower, cache);
    const auto reprieve = [&](placed_pod* q) {
      cache.attach(*q);
      if (fits(n))
        return true;
      cache.detach(*q);
      gone.push_back(q);
      return false;
    };
    for (auto* q : violating)
      res.violations += !reprieve(q);
    for (auto* q : others)
      reprieve(q);
    for (auto* q : gone)
      cache.attach(*q);
  } else {
    for (auto* q : lower)
      cache.attach(*q);
  }
  if (gone.empty())
    return res;
  std::sort(gone.begin(), gone.end(), more_important);
  res.node = &n;
  res.victims = std::move(gone);
  return res;
}

std::string refusal(size_t nodes, size_t hopeless) {
  std::vector<std::string> parts;
  if (nodes > hopeless)
    parts.push_back(std::to_string(nodes - hopeless) +
                    " No preemption victims found for incoming pod");
  if (hopeless > 0)
    parts.push_back(std::to_string(hopeless) + " Preemption is not helpful for scheduling");
  std::sort(parts.begin(), parts.end());
  std::string res = "preemption: 0/" + std::to_string(nodes) + " nodes are available: ";
  for (size_t i = 0; i < parts.size(); ++i)
    res += (i ? ", " : "") + parts[i];
  return res + ".";
}

} // namespace

preemption_plan plan_preemption(scheduling_cache& cache, const pod_info& p,
                                const std::set<std::string>& final, size_t start,
                                const fit_check& fits) {
  preemption_plan res;
  const auto order = cache.order();
  const auto enough = std::max<size_t>(100, order.size() / 10);
  candidate best;
  size_t found = 0;
  for (size_t i = 0; i < order.size() && found < enough; ++i) {
    const auto& n = *order[(start + i) % order.size()];
    if (final.contains(n.object->name()))
      continue;
    auto c = judge(cache, p, n, fits);
    if (!c.node)
      continue;
    ++found;
    if (!best.node || c.better_than(best))
      best = std::move(c);
  }
  if (!best.node) {
    res.message = refusal(order.size(), final.size());
    return res;
  }
  res.node = best.node->object->name();
  for (const auto* v : best.victims)
    if (!v->deleting)
      res.victims.push_back({v->uid, v->kind->ns, v->name});
  return res;
}

} // namespace thespis::actors
