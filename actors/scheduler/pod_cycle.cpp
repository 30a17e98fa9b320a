#include "actors/scheduler/pod_cycle.hpp"

#include "actors/scheduler/filters.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

void add(domain_counts& to, const std::string& key, const pod_class& c) {
  for (const auto& [n, count] : c.on)
    if (const auto* value = n->label(key))
      to[*value] += count.all;
}

int64_t at(const domain_counts& counts, const std::string& value) {
  const auto i = counts.find(value);
  return i == counts.end() ? 0 : i->second;
}

} // namespace

bool spread_counts_node(const spread_rule& r, const pod_info& p, const node_info& n) {
  if (r.honors_affinity && !matches_node_selector(p.pod->spec, *n.node))
    return false;
  const auto& taints = n.node->spec.taints;
  return !r.honors_taints || std::all_of(taints.begin(), taints.end(), [&](const auto& t) {
    return t.effect == "PreferNoSchedule" || tolerates(p.pod->spec.tolerations, t);
  });
}

pod_cycle::pod_cycle(const scheduling_cache& cache, const pod_info& p) : cache_(cache), pod_(p) {
  if (!p.claims.empty())
    claims_ = cache.volumes.judge(p.object->ns(), p);
  count_affinity();
  count_spread();
}

void pod_cycle::count_affinity() {
  const auto& o = *pod_.object;
  for (const auto* c : cache_.concerned())
    for (const auto& t : c->terms->far)
      if (t.matches(o.ns(), o.labels(), cache_.namespaces))
        for (const auto& [n, count] : c->on)
          if (const auto* value = n->label(t.topology_key))
            forbidden_.emplace_back(t.topology_key, *value);
  const auto* terms = pod_.terms.get();
  if (!terms)
    return;
  for (const auto& t : terms->far) {
    auto& counts = far_.emplace_back();
    cache_.each_matching(t, [&](const pod_class& c) { add(counts, t.topology_key, c); });
  }
  if (terms->near.empty())
    return;
  near_.resize(terms->near.size());
  const auto all_match = [&](const std::string& ns, const api::label_set& labels) {
    return std::all_of(terms->near.begin(), terms->near.end(),
                       [&](const auto& t) { return t.matches(ns, labels, cache_.namespaces); });
  };
  // Only pods that every term finds count for any of them.
  cache_.each_matching(terms->near.front(), [&](const pod_class& c) {
    if (all_match(c.ns, c.labels))
      for (size_t i = 0; i < near_.size(); ++i)
        add(near_[i], terms->near[i].topology_key, c);
  });
  first_of_its_kind_ =
      std::all_of(near_.begin(), near_.end(), [](const auto& m) { return m.empty(); }) &&
      all_match(o.ns(), o.labels());
}

bool pod_cycle::affinity_holds(const node_info& n) const {
  bool found = true;
  for (size_t i = 0; i < near_.size(); ++i) {
    const auto* value = n.label(pod_.terms->near[i].topology_key);
    if (!value)
      return false;
    found = found && at(near_[i], *value) > 0;
  }
  return found || first_of_its_kind_;
}

bool pod_cycle::anti_affinity_holds(const node_info& n) const {
  for (size_t i = 0; i < far_.size(); ++i)
    if (const auto* value = n.label(pod_.terms->far[i].topology_key);
        value && at(far_[i], *value) > 0)
      return false;
  return true;
}

bool pod_cycle::others_agree(const node_info& n) const {
  return std::none_of(forbidden_.begin(), forbidden_.end(), [&](const auto& f) {
    const auto* value = n.label(f.first);
    return value && *value == f.second;
  });
}

bool pod_cycle::has_domains(const node_info& n) const {
  return std::all_of(spread_.begin(), spread_.end(),
                     [&](const auto& s) { return n.label(s.rule->topology_key); });
}

bool pod_cycle::counts_for(const spread_rule& r, const node_info& n) const {
  return has_domains(n) && spread_counts_node(r, pod_, n);
}

void pod_cycle::count_spread() {
  if (!pod_.terms || pod_.terms->spread.empty())
    return;
  for (const auto& r : pod_.terms->spread)
    spread_.push_back({&r, {}, 0, r.selector.matches(pod_.object->labels())});
  for (auto& s : spread_) {
    std::set<const node_info*> counted;
    for (const auto* n : cache_.order())
      if (counts_for(*s.rule, *n)) {
        counted.insert(n);
        s.pods[*n->label(s.rule->topology_key)];
      }
    for (const auto* c : cache_.classes_in(pod_.object->ns()))
      if (s.rule->selector.matches(c->labels))
        for (const auto& [n, count] : c->on)
          if (counted.contains(n))
            s.pods[*n->label(s.rule->topology_key)] += count.alive;
    if (s.pods.empty() || static_cast<int32_t>(s.pods.size()) < s.rule->min_domains)
      continue; // the least is none
    s.least = std::min_element(s.pods.begin(), s.pods.end(), [](const auto& a, const auto& b) {
                return a.second < b.second;
              })->second;
  }
}

bool pod_cycle::spread_holds(const node_info& n) const {
  return std::all_of(spread_.begin(), spread_.end(), [&](const auto& s) {
    const auto there = at(s.pods, *n.label(s.rule->topology_key));
    return there + s.self - s.least <= s.rule->max_skew;
  });
}

} // namespace thespis::actors
