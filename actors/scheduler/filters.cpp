#include "actors/scheduler/filters.hpp"

#include "api/text/labels.hpp"

#include <algorithm>
#include <charconv>

namespace thespis::actors {

namespace {

const std::string unschedulable_key = "node.kubernetes.io/unschedulable";

verdict fine() {
  return {};
}
verdict refused(std::string why) {
  return {{std::move(why)}, false};
}
verdict impossible(std::string why) {
  return {{std::move(why)}, true};
}

verdict node_unschedulable(const pod_cycle& c, const node_info& n) {
  if (!n.node->spec.unschedulable.value_or(false))
    return fine();
  api::v1::taint t;
  t.key = unschedulable_key;
  t.effect = "NoSchedule";
  if (tolerates(c.pod().pod->spec.tolerations, t))
    return fine();
  return impossible("node(s) were unschedulable");
}

verdict node_name(const pod_cycle& c, const node_info& n) {
  const auto& wanted = c.pod().pod->spec.node_name;
  if (wanted.empty() || wanted == n.object->name())
    return fine();
  return impossible("node(s) didn't match the requested node name");
}

verdict taint_toleration(const pod_cycle& c, const node_info& n) {
  for (const auto& t : n.node->spec.taints)
    if (t.effect != "PreferNoSchedule" && !tolerates(c.pod().pod->spec.tolerations, t))
      return impossible("node(s) had untolerated taint {" + t.key + ": " + t.value + "}");
  return fine();
}

verdict node_affinity(const pod_cycle& c, const node_info& n) {
  if (matches_node_selector(c.pod().pod->spec, *n.node))
    return fine();
  return impossible("node(s) didn't match Pod's node affinity/selector");
}

verdict node_ports(const pod_cycle& c, const node_info& n) {
  for (const auto& wanted : c.pod().ports)
    for (const auto& used : n.ports)
      if (ports_clash(wanted, used))
        return refused("node(s) didn't have free ports for the requested pod ports");
  return fine();
}

verdict resources_fit(const pod_cycle& c, const node_info& n) {
  std::vector<std::string> res;
  if (n.pods + 1 > n.max_pods)
    res.push_back("Too many pods");
  const auto& want = c.pod().requests;
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
  const bool final = !res.empty() && !n.fits_at_all(c.pod());
  return {std::move(res), final};
}

/// Pods that go may free the claim, wherever they are.
verdict volume_restrictions(const pod_cycle& c, const node_info&) {
  const auto& ns = c.pod().object->ns();
  for (const auto& claim : c.pod().claims)
    if (c.cache().volumes.is_exclusive(ns, claim) && c.cache().users_of_claim(ns, claim) > 0)
      return refused("node has pod using PersistentVolumeClaim with the same name and "
                     "ReadWriteOncePod access mode");
  return fine();
}

verdict volume_binding(const pod_cycle& c, const node_info& n) {
  if (c.pod().claims.empty())
    return fine();
  auto why = c.cache().volumes.judge_node(c.claims(), n, nullptr);
  return why.empty() ? fine() : impossible(std::move(why));
}

verdict topology_spread(const pod_cycle& c, const node_info& n) {
  if (!c.has_domains(n))
    return impossible(
        "node(s) didn't match pod topology spread constraints (missing required label)");
  if (!c.spread_holds(n))
    return refused("node(s) didn't match pod topology spread constraints");
  return fine();
}

verdict inter_pod_affinity(const pod_cycle& c, const node_info& n) {
  if (!c.affinity_holds(n))
    return impossible("node(s) didn't match pod affinity rules");
  if (!c.anti_affinity_holds(n))
    return refused("node(s) didn't match pod anti-affinity rules");
  if (!c.others_agree(n))
    return refused("node(s) didn't satisfy existing pods anti-affinity rules");
  return fine();
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

} // namespace

bool ports_clash(const host_port& a, const host_port& b) {
  const auto& [ip_a, protocol_a, port_a] = a;
  const auto& [ip_b, protocol_b, port_b] = b;
  return protocol_a == protocol_b && port_a == port_b &&
         (ip_a == ip_b || ip_a == "0.0.0.0" || ip_b == "0.0.0.0");
}

bool matches_term(const api::v1::node_selector_term& t, const api::v1::node& node) {
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

bool matches_terms(const api::v1::node_selector& s, const api::v1::node& node) {
  return std::any_of(s.node_selector_terms.begin(), s.node_selector_terms.end(),
                     [&](const auto& t) { return matches_term(t, node); });
}

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
  return !required || matches_terms(*required, node);
}

const std::vector<filter>& all_filters() {
  static const std::vector<filter> all{
      {"NodeUnschedulable", node_changed, node_unschedulable},
      {"NodeName", node_changed, node_name},
      {"TaintToleration", node_changed, taint_toleration},
      {"NodeAffinity", node_changed, node_affinity},
      {"NodePorts", node_changed | pod_gone, node_ports},
      {"NodeResourcesFit", node_changed | pod_gone, resources_fit},
      {"VolumeRestrictions", pod_gone | storage_changed, volume_restrictions},
      {"VolumeBinding", node_changed | storage_changed, volume_binding},
      {"PodTopologySpread", node_changed | pod_gone | pod_placed, topology_spread},
      {"InterPodAffinity", node_changed | pod_gone | pod_placed, inter_pod_affinity}};
  return all;
}

} // namespace thespis::actors
