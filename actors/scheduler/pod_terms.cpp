#include "actors/scheduler/pod_terms.hpp"

#include "actors/controllers/selectors.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

using labels = api::label_set;

/// The selector, narrowed to pods whose labels of these keys equal (or differ from) the pod's own.
api::label_selector narrowed(const api::box<api::v1::label_selector>& s, const labels& own,
                             const std::vector<std::string>& equal,
                             const std::vector<std::string>& unequal) {
  if (!s)
    return api::label_selector::nothing();
  const auto base = selector_of(*s);
  if (base.matches_nothing() || (equal.empty() && unequal.empty()))
    return base;
  auto all = base.requirements();
  const auto add = [&](const std::vector<std::string>& keys, api::label_operator op) {
    for (const auto& key : keys)
      if (const auto* value = api::find_label(own, key))
        all.push_back({key, op, {*value}});
  };
  add(equal, api::label_operator::in);
  add(unequal, api::label_operator::not_in);
  return api::label_selector{std::move(all)};
}

affinity_term read_term(const api::v1::pod_affinity_term& t, const api::object& o) {
  affinity_term res;
  res.namespaces = t.namespaces;
  if (t.namespace_selector)
    res.namespace_labels = selector_of(*t.namespace_selector);
  else if (t.namespaces.empty())
    res.namespaces = {o.ns()};
  res.selector = narrowed(t.label_selector, o.labels(), t.match_label_keys, t.mismatch_label_keys);
  res.topology_key = t.topology_key;
  return res;
}

std::vector<affinity_term> read_all(const std::vector<api::v1::pod_affinity_term>& from,
                                    const api::object& o) {
  std::vector<affinity_term> res;
  for (const auto& t : from)
    res.push_back(read_term(t, o));
  return res;
}

std::vector<affinity_term> read_all(const std::vector<api::v1::weighted_pod_affinity_term>& from,
                                    const api::object& o) {
  std::vector<affinity_term> res;
  for (const auto& t : from) {
    res.push_back(read_term(t.pod_affinity_term, o));
    res.back().weight = t.weight;
  }
  return res;
}

spread_rule read_rule(const api::v1::topology_spread_constraint& c, const api::object& o) {
  spread_rule res;
  res.max_skew = c.max_skew;
  res.min_domains = c.min_domains.value_or(1);
  res.topology_key = c.topology_key;
  res.selector = narrowed(c.label_selector, o.labels(), c.match_label_keys, {});
  res.honors_affinity = c.node_affinity_policy != "Ignore";
  res.honors_taints = c.node_taints_policy == "Honor";
  return res;
}

} // namespace

bool affinity_term::matches(const std::string& ns, const api::label_set& of,
                            const actors::namespace_labels& known) const {
  bool there = std::find(namespaces.begin(), namespaces.end(), ns) != namespaces.end();
  if (!there && namespace_labels) {
    const auto i = known.find(ns);
    there = namespace_labels->matches_everything() ||
            (i != known.end() && namespace_labels->matches(i->second));
  }
  return there && selector.matches(of);
}

std::shared_ptr<const pod_terms> read_terms(const api::object& o, const api::v1::pod_spec& spec) {
  const auto* a = spec.affinity.get();
  if (spec.topology_spread_constraints.empty() && !(a && (a->pod_affinity || a->pod_anti_affinity)))
    return nullptr;
  auto res = std::make_shared<pod_terms>();
  if (a && a->pod_affinity) {
    res->near = read_all(a->pod_affinity->required_during_scheduling_ignored_during_execution, o);
    res->liked = read_all(a->pod_affinity->preferred_during_scheduling_ignored_during_execution, o);
  }
  if (a && a->pod_anti_affinity) {
    res->far =
        read_all(a->pod_anti_affinity->required_during_scheduling_ignored_during_execution, o);
    res->disliked =
        read_all(a->pod_anti_affinity->preferred_during_scheduling_ignored_during_execution, o);
  }
  for (const auto& c : spec.topology_spread_constraints)
    (c.when_unsatisfiable == "ScheduleAnyway" ? res->wished : res->spread)
        .push_back(read_rule(c, o));
  return res;
}

} // namespace thespis::actors
