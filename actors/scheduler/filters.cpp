#include "actors/scheduler/filters.hpp"

#include "api/text/labels.hpp"

#include <algorithm>
#include <charconv>

namespace thespis::actors {

namespace {

const std::string unschedulable_key = "node.kubernetes.io/unschedulable";

using reasons = std::vector<std::string>;

reasons node_unschedulable(const pod_info& p, const node_info& n) {
  if (!n.node->spec.unschedulable.value_or(false))
    return {};
  api::v1::taint t;
  t.key = unschedulable_key;
  t.effect = "NoSchedule";
  if (tolerates(p.pod->spec.tolerations, t))
    return {};
  return {"node(s) were unschedulable"};
}

reasons node_name(const pod_info& p, const node_info& n) {
  const auto& wanted = p.pod->spec.node_name;
  if (wanted.empty() || wanted == n.object->name())
    return {};
  return {"node(s) didn't match the requested node name"};
}

reasons taint_toleration(const pod_info& p, const node_info& n) {
  for (const auto& t : n.node->spec.taints)
    if (t.effect != "PreferNoSchedule" && !tolerates(p.pod->spec.tolerations, t))
      return {"node(s) had untolerated taint {" + t.key + ": " + t.value + "}"};
  return {};
}

reasons node_affinity(const pod_info& p, const node_info& n) {
  if (matches_node_selector(p.pod->spec, *n.node))
    return {};
  return {"node(s) didn't match Pod's node affinity/selector"};
}

bool ports_clash(const host_port& a, const host_port& b) {
  const auto& [ip_a, protocol_a, port_a] = a;
  const auto& [ip_b, protocol_b, port_b] = b;
  return protocol_a == protocol_b && port_a == port_b &&
         (ip_a == ip_b || ip_a == "0.0.0.0" || ip_b == "0.0.0.0");
}

reasons node_ports(const pod_info& p, const node_info& n) {
  for (const auto& wanted : p.ports)
    for (const auto& used : n.ports)
      if (ports_clash(wanted, used))
        return {"node(s) didn't have free ports for the requested pod ports"};
  return {};
}

reasons resources_fit(const pod_info& p, const node_info& n) {
  reasons res;
  if (n.pods + 1 > n.max_pods)
    res.push_back("Too many pods");
  const auto& want = p.requests;
  if (want.cpu > 0 && want.cpu > n.allocatable.cpu - n.used.cpu)
    res.push_back("Insufficient cpu");
  if (want.memory > 0 && want.memory > n.allocatable.memory - n.used.memory)
    res.push_back("Insufficient memory");
  if (want.ephemeral_storage > 0 &&
      want.ephemeral_storage > n.allocatable.ephemeral_storage - n.used.ephemeral_storage)
    res.push_back("Insufficient ephemeral-storage");
  for (const auto& [name, amount] : want.others) {
    const auto at = [&](const std::map<std::string, int64_t>& from) {
      const auto i = from.find(name);
      return i == from.end() ? int64_t{0} : i->second;
    };
    if (amount > 0 && amount > at(n.allocatable.others) - at(n.used.others))
      res.push_back("Insufficient " + name);
  }
  return res;
}

int64_t free_share(int64_t used, int64_t all) {
  return all <= 0 || used >= all ? 0 : (all - used) * 100 / all;
}

int64_t least_allocated(const pod_info& p, const node_info& n) {
  const auto cpu = n.scored_cpu + std::max<int64_t>(p.requests.cpu, 100);
  const auto memory = n.scored_memory + std::max<int64_t>(p.requests.memory, 200 << 20);
  return (free_share(cpu, n.allocatable.cpu) + free_share(memory, n.allocatable.memory)) / 2;
}

int64_t selector_spread(const pod_info& p, const node_info& n) {
  const auto i = n.groups.find(p.group);
  return i == n.groups.end() ? 100 : 100 / (1 + i->second);
}

int64_t prefer_untainted(const pod_info& p, const node_info& n) {
  int64_t bad = 0;
  for (const auto& t : n.node->spec.taints)
    bad += t.effect == "PreferNoSchedule" && !tolerates(p.pod->spec.tolerations, t);
  return 100 / (1 + bad);
}

bool requirement_matches(const api::v1::node_selector_requirement& r, const std::string* value) {
  const auto listed = [&] {
    return std::find(r.values.begin(), r.values.end(), *value) != r.values.end();
  };
  const auto compare = [&](auto op) {
    int64_t have = 0;
    int64_t want = 0;
    if (!value || r.values.size() != 1)
      return false;
    const auto read = [](const std::string& s, int64_t& out) {
      const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), out);
      return ec == std::errc{} && end == s.data() + s.size();
    };
    return read(*value, have) && read(r.values.front(), want) && op(have, want);
  };
  if (r.operator_ == "In")
    return value && listed();
  if (r.operator_ == "NotIn")
    return !value || !listed();
  if (r.operator_ == "Exists")
    return value;
  if (r.operator_ == "DoesNotExist")
    return !value;
  if (r.operator_ == "Gt")
    return compare(std::greater<>{});
  if (r.operator_ == "Lt")
    return compare(std::less<>{});
  return false;
}

bool term_matches(const api::v1::node_selector_term& t, const api::v1::node& node) {
  // A term without requirements selects nothing.
  if (t.match_expressions.empty() && t.match_fields.empty())
    return false;
  for (const auto& r : t.match_expressions) {
    const auto i = node.metadata.labels.find(r.key);
    if (!requirement_matches(r, i == node.metadata.labels.end() ? nullptr : &i->second))
      return false;
  }
  for (const auto& r : t.match_fields)
    if (r.key != "metadata.name" || !requirement_matches(r, &node.metadata.name))
      return false;
  return true;
}

int64_t preferred_affinity(const pod_info& p, const node_info& n) {
  const auto* affinity = p.pod->spec.affinity.get();
  if (!affinity || !affinity->node_affinity)
    return 0;
  int64_t got = 0;
  int64_t all = 0;
  for (const auto& t :
       affinity->node_affinity->preferred_during_scheduling_ignored_during_execution) {
    all += t.weight;
    got += term_matches(t.preference, *n.node) ? t.weight : 0;
  }
  return all == 0 ? 0 : got * 100 / all;
}

} // namespace

bool tolerates(const api::v1::toleration& t, const api::v1::taint& taint) {
  if (!t.effect.empty() && t.effect != taint.effect)
    return false;
  if (!t.key.empty() && t.key != taint.key)
    return false;
  if (t.operator_ == "Exists")
    return true;
  // An empty key tolerates all only with Exists.
  return !t.key.empty() && t.value == taint.value;
}

bool tolerates(const std::vector<api::v1::toleration>& all, const api::v1::taint& taint) {
  return std::any_of(all.begin(), all.end(), [&](const auto& t) { return tolerates(t, taint); });
}

bool matches_node_selector(const api::v1::pod_spec& spec, const api::v1::node& node) {
  for (const auto& [key, value] : spec.node_selector) {
    const auto i = node.metadata.labels.find(key);
    if (i == node.metadata.labels.end() || i->second != value)
      return false;
  }
  if (!spec.affinity || !spec.affinity->node_affinity)
    return true;
  const auto& required =
      spec.affinity->node_affinity->required_during_scheduling_ignored_during_execution;
  if (!required)
    return true;
  const auto& terms = required->node_selector_terms;
  return std::any_of(terms.begin(), terms.end(),
                     [&](const auto& t) { return term_matches(t, node); });
}

const std::vector<filter>& all_filters() {
  static const std::vector<filter> all{{"NodeUnschedulable", node_unschedulable},
                                       {"NodeName", node_name},
                                       {"TaintToleration", taint_toleration},
                                       {"NodeAffinity", node_affinity},
                                       {"NodePorts", node_ports},
                                       {"NodeResourcesFit", resources_fit}};
  return all;
}

const std::vector<score>& all_scores() {
  static const std::vector<score> all{{"NodeResourcesLeastAllocated", 1, least_allocated},
                                      {"SelectorSpread", 1, selector_spread},
                                      {"TaintToleration", 3, prefer_untainted},
                                      {"NodeAffinity", 2, preferred_affinity}};
  return all;
}

} // namespace thespis::actors
