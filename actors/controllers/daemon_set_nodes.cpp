#include "actors/controllers/daemon_set_nodes.hpp"

#include "actors/scheduler/filters.hpp"

#include <algorithm>
#include <array>

namespace thespis::actors::daemons {

namespace {

using api::v1::node_selector_requirement;
using api::v1::toleration;

struct tolerated {
  const char* key;
  const char* effect;
  bool host_network_only = false;
};

/// What every daemon bears (Kubernetes' AddOrUpdateDaemonPodTolerations).
constexpr std::array<tolerated, 7> daemon_tolerations{{
    {"node.kubernetes.io/not-ready", "NoExecute"},
    {"node.kubernetes.io/unreachable", "NoExecute"},
    {"node.kubernetes.io/disk-pressure", "NoSchedule"},
    {"node.kubernetes.io/memory-pressure", "NoSchedule"},
    {"node.kubernetes.io/pid-pressure", "NoSchedule"},
    {"node.kubernetes.io/unschedulable", "NoSchedule"},
    {"node.kubernetes.io/network-unavailable", "NoSchedule", true},
}};

void add_tolerations(api::v1::pod_spec& spec) {
  for (const auto& t : daemon_tolerations) {
    if (t.host_network_only && !spec.host_network.value_or(false))
      continue;
    toleration one;
    one.key = t.key;
    one.operator_ = "Exists";
    one.effect = t.effect;
    if (std::find(spec.tolerations.begin(), spec.tolerations.end(), one) == spec.tolerations.end())
      spec.tolerations.push_back(std::move(one));
  }
}

} // namespace

api::v1::pod pod_for(const api::v1::daemon_set& set, const std::string& node) {
  api::v1::pod res;
  res.metadata = set.spec.template_.metadata;
  res.metadata.namespace_ = set.metadata.namespace_;
  res.metadata.generate_name = set.metadata.name + "-";
  res.spec = set.spec.template_.spec;
  add_tolerations(res.spec);
  // The set decided about the node already; the scheduler only looks whether the pod fits.
  node_selector_requirement here;
  here.key = "metadata.name";
  here.operator_ = "In";
  here.values = {node};
  api::v1::node_selector_term term;
  term.match_fields = {here};
  auto& affinity = res.spec.affinity.ensure().node_affinity.ensure();
  affinity.required_during_scheduling_ignored_during_execution.ensure().node_selector_terms = {
      term};
  return res;
}

placement place(const api::v1::daemon_set& set, const api::v1::node& n) {
  auto spec = set.spec.template_.spec;
  if (!spec.node_name.empty() && spec.node_name != n.metadata.name)
    return {};
  if (!matches_node_selector(spec, n))
    return {};
  add_tolerations(spec);
  placement res{true, true};
  for (const auto& t : n.spec.taints) {
    if (tolerates(spec.tolerations, t))
      continue;
    res.wanted &= t.effect == "PreferNoSchedule";
    res.may_stay &= t.effect != "NoExecute";
  }
  return res;
}

std::string node_of(const api::v1::pod& p) {
  if (!p.spec.node_name.empty())
    return p.spec.node_name;
  const auto* affinity = p.spec.affinity.get();
  if (!affinity || !affinity->node_affinity)
    return {};
  const auto* required =
      affinity->node_affinity->required_during_scheduling_ignored_during_execution.get();
  if (!required)
    return {};
  for (const auto& term : required->node_selector_terms)
    for (const auto& r : term.match_fields)
      if (r.key == "metadata.name" && r.operator_ == "In" && r.values.size() == 1)
        return r.values.front();
  return {};
}

} // namespace thespis::actors::daemons
