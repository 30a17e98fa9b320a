#include "actors/scheduler/scores.hpp"

#include "actors/scheduler/filters.hpp"

#include <algorithm>
#include <cmath>

namespace thespis::actors {

namespace {

using nodes = std::vector<const node_info*>;
using values = std::vector<int64_t>;
constexpr int64_t best = 100;
constexpr const char* zone_label = "topology.kubernetes.io/zone";

// -- of a node alone -----------------------------------------------------------------------------

int64_t free_share(int64_t used, int64_t all) {
  return all <= 0 || used >= all ? 0 : (all - used) * best / all;
}

int64_t least_allocated(const pod_info& p, const node_info& n) {
  const auto cpu = n.scored_cpu + std::max<int64_t>(p.requests.cpu, 100);
  const auto memory = n.scored_memory + std::max<int64_t>(p.requests.memory, 200 << 20);
  return (free_share(cpu, n.allocatable.cpu) + free_share(memory, n.allocatable.memory)) / 2;
}

int64_t balanced(const pod_info& p, const node_info& n) {
  const auto share = [](int64_t used, int64_t all) {
    return all <= 0 ? 1.0 : std::min(1.0, static_cast<double>(used) / static_cast<double>(all));
  };
  const auto cpu = share(n.used.cpu + p.requests.cpu, n.allocatable.cpu);
  const auto memory = share(n.used.memory + p.requests.memory, n.allocatable.memory);
  return static_cast<int64_t>((1 - std::fabs(cpu - memory) / 2) * best);
}

/// Pods of one controller keep apart, by host and by zone, when they do not say how themselves.
int64_t own_group(const pod_cycle& c, const node_info& n) {
  const auto& group = c.pod().group;
  if (group.empty())
    return best;
  const auto i = n.groups.find(group);
  auto res = i == n.groups.end() ? best : best / (1 + i->second);
  if (const auto* zone = n.label(zone_label))
    res = (res + best / (1 + c.cache().in_zone(*zone, group))) / 2;
  return res;
}

int64_t images(const pod_cycle& c, const node_info& n) {
  constexpr int64_t least = 23 << 20;
  constexpr int64_t most = 1000 << 20;
  if (n.images.empty())
    return 0;
  int64_t sum = 0;
  int64_t containers = 0;
  const auto add = [&](const api::v1::container& x) {
    ++containers;
    auto name = x.image;
    if (name.find_last_of(':') == std::string::npos ||
        name.find('/', name.find_last_of(':')) != std::string::npos)
      name += ":latest";
    const auto i = n.images.find(name);
    if (i != n.images.end())
      sum += i->second * c.cache().nodes_with_image(name) /
             static_cast<int64_t>(c.cache().order().size());
  };
  for (const auto& x : c.pod().pod->spec.containers)
    add(x);
  for (const auto& x : c.pod().pod->spec.init_containers)
    add(x);
  const auto limit = most * containers;
  sum = std::clamp(sum, least, std::max(limit, least));
  return limit <= least ? 0 : best * (sum - least) / (limit - least);
}

// -- in comparison -------------------------------------------------------------------------------

void stretch(values& v, bool reversed) {
  const auto top = *std::max_element(v.begin(), v.end());
  for (auto& x : v) {
    x = top == 0 ? 0 : x * best / top;
    if (reversed)
      x = best - x;
  }
}

bool node_wishes(const pod_cycle& c, const nodes& all, values& out) {
  const auto* a = c.pod().pod->spec.affinity.get();
  if (!a || !a->node_affinity ||
      a->node_affinity->preferred_during_scheduling_ignored_during_execution.empty())
    return false;
  for (size_t i = 0; i < all.size(); ++i)
    for (const auto& t : a->node_affinity->preferred_during_scheduling_ignored_during_execution)
      out[i] += matches_term(t.preference, *all[i]->node) ? t.weight : 0;
  stretch(out, false);
  return true;
}

bool taints(const pod_cycle& c, const nodes& all, values& out) {
  bool any = false;
  for (size_t i = 0; i < all.size(); ++i)
    for (const auto& t : all[i]->node->spec.taints)
      if (t.effect == "PreferNoSchedule" && !tolerates(c.pod().pod->spec.tolerations, t)) {
        ++out[i];
        any = true;
      }
  if (any)
    stretch(out, true);
  return any;
}

void add_term(const pod_cycle& c, const affinity_term& t, int64_t weight,
              std::map<std::string, domain_counts>& scores) {
  c.cache().each_matching(t, [&](const pod_class& k) {
    for (const auto& [n, count] : k.on)
      if (const auto* value = n->label(t.topology_key))
        scores[t.topology_key][*value] += weight * count.all;
  });
}

/// What the present pods' terms say about this one.
void add_others(const pod_cycle& c, std::map<std::string, domain_counts>& scores) {
  const auto& o = *c.pod().object;
  for (const auto* k : c.cache().concerned()) {
    const auto add = [&](const std::vector<affinity_term>& terms, int64_t sign, bool required) {
      for (const auto& t : terms)
        if (t.matches(o.ns(), o.labels(), c.cache().namespaces))
          for (const auto& [n, count] : k->on)
            if (const auto* value = n->label(t.topology_key))
              scores[t.topology_key][*value] += sign * (required ? 1 : t.weight) * count.all;
    };
    add(k->terms->near, 1, true);
    add(k->terms->liked, 1, false);
    add(k->terms->disliked, -1, false);
  }
}

bool neighbours(const pod_cycle& c, const nodes& all, values& out) {
  std::map<std::string, domain_counts> scores;
  if (c.pod().terms) {
    for (const auto& t : c.pod().terms->liked)
      add_term(c, t, t.weight, scores);
    for (const auto& t : c.pod().terms->disliked)
      add_term(c, t, -t.weight, scores);
  }
  add_others(c, scores);
  if (scores.empty())
    return false;
  for (size_t i = 0; i < all.size(); ++i)
    for (const auto& [key, counts] : scores)
      if (const auto* value = all[i]->label(key))
        if (const auto at = counts.find(*value); at != counts.end())
          out[i] += at->second;
  const auto [low, high] = std::minmax_element(out.begin(), out.end());
  const auto bottom = *low;
  const auto range = *high - bottom;
  for (auto& x : out)
    x = range == 0 ? 0 : best * (x - bottom) / range;
  return true;
}

/// Constraints that are only wished for: fewer pods in the domain are better, and more so the
/// fewer domains there are.
bool spread(const pod_cycle& c, const nodes& all, values& out) {
  if (!c.pod().terms || c.pod().terms->wished.empty())
    return false;
  std::vector<double> sums(all.size());
  std::vector<bool> ignored(all.size());
  for (const auto& r : c.pod().terms->wished) {
    domain_counts counts;
    for (const auto* n : all)
      if (const auto* value = n->label(r.topology_key))
        counts[*value];
    const auto weight = std::log(static_cast<double>(counts.size()) + 2);
    for (const auto* k : c.cache().classes_in(c.pod().object->ns()))
      if (r.selector.matches(k->labels))
        for (const auto& [n, count] : k->on)
          if (const auto* value = n->label(r.topology_key);
              value && spread_counts_node(r, c.pod(), *n))
            counts[*value] += count.alive;
    for (size_t i = 0; i < all.size(); ++i) {
      const auto* value = all[i]->label(r.topology_key);
      if (value)
        sums[i] += static_cast<double>(counts[*value]) * weight + (r.max_skew - 1);
      else
        ignored[i] = true;
    }
  }
  int64_t low = INT64_MAX;
  int64_t high = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    out[i] = std::llround(sums[i]);
    if (!ignored[i]) {
      low = std::min(low, out[i]);
      high = std::max(high, out[i]);
    }
  }
  for (size_t i = 0; i < all.size(); ++i)
    out[i] = ignored[i] ? 0 : high == 0 ? best : best * (high + low - out[i]) / high;
  return true;
}

} // namespace

values score_nodes(const pod_cycle& c, const nodes& all) {
  values res(all.size());
  const bool spreads = c.pod().terms && !c.pod().terms->wished.empty();
  for (size_t i = 0; i < all.size(); ++i) {
    res[i] = least_allocated(c.pod(), *all[i]) + balanced(c.pod(), *all[i]) + images(c, *all[i]);
    if (!spreads)
      res[i] += 2 * own_group(c, *all[i]);
  }
  const auto add = [&](int64_t weight, bool (*score)(const pod_cycle&, const nodes&, values&)) {
    values v(all.size());
    if (score(c, all, v))
      for (size_t i = 0; i < all.size(); ++i)
        res[i] += weight * v[i];
  };
  add(3, taints);
  add(2, node_wishes);
  add(2, spread);
  add(2, neighbours);
  return res;
}

} // namespace thespis::actors
