#include "api/admission/quota_usage.hpp"

#include "api/pipeline/metadata.hpp"
#include "api/pipeline/strategies/strategies.hpp"
#include "api/validation/access.hpp"

#include <algorithm>
#include <array>

namespace thespis::api::admission {

namespace {

constexpr std::string_view class_infix = ".storageclass.storage.k8s.io/";

/// Core resources that are counted by their bare names, too.
constexpr std::array<std::string_view, 4> bare{"configmaps", "resourcequotas",
                                               "replicationcontrollers", "secrets"};

const quantity one = quantity::of(1);

/// A resource of Kubernetes itself: no domain, or kubernetes.io's.
bool is_native(std::string_view name) {
  return name.find('/') == name.npos || name.find("kubernetes.io/") != name.npos;
}

bool is_extended(std::string_view name) {
  return !is_native(name) && !name.starts_with("requests.");
}

/// Requests and limits under the names that quotas have for them.
resource_list compute_usage(const resource_list& requests, const resource_list& limits) {
  resource_list out;
  for (const auto& [name, q] : requests) {
    bool plain = name == "cpu" || name == "memory" || name == "ephemeral-storage";
    if (plain || name.starts_with("hugepages-"))
      out[name] = out["requests." + name] = q;
    else if (is_extended(name))
      out["requests." + name] = q;
  }
  for (const auto& [name, q] : limits)
    if (name == "cpu" || name == "memory" || name == "ephemeral-storage")
      out["limits." + name] = q;
  return out;
}

/// Pods that are over, or should be gone, hold nothing any more.
bool holds_resources(const json::value& pod, time_point now) {
  auto phase = text(member(pod, "status"), "phase");
  if (phase == "Failed" || phase == "Succeeded")
    return false;
  const auto& metadata = metadata_of(pod);
  auto since = parse_time(text(metadata, "deletionTimestamp"));
  if (!since || !has(metadata, "deletionGracePeriodSeconds"))
    return true;
  return now <= *since + std::chrono::seconds{std::clamp<int64_t>(
                             json::get_int(metadata, "deletionGracePeriodSeconds"), 0, 1 << 30)};
}

bool crosses_namespaces(const json::value& spec) {
  auto term = [](const json::value& t) {
    return filled(member(t, "namespaces")) || has(t, "namespaceSelector");
  };
  for (std::string_view side : {"podAffinity", "podAntiAffinity"}) {
    const auto& affinity = member(member(spec, "affinity"), side);
    if (const auto& all = member(affinity, "requiredDuringSchedulingIgnoredDuringExecution");
        all.IsArray())
      for (const auto& t : all.GetArray())
        if (term(t))
          return true;
    if (const auto& all = member(affinity, "preferredDuringSchedulingIgnoredDuringExecution");
        all.IsArray())
      for (const auto& t : all.GetArray())
        if (term(member(t, "podAffinityTerm")))
          return true;
  }
  return false;
}

void measure_pod(const json::value& pod, time_point now, quota_measure& m) {
  const auto& spec = member(pod, "spec");
  m.pod = true;
  m.fleeting = has(metadata_of(pod), "deletionTimestamp");
  m.traits.terminating = json::get_int(spec, "activeDeadlineSeconds", -1) >= 0;
  m.traits.best_effort = qos_class(pod) == "BestEffort";
  m.traits.priority_class = text(spec, "priorityClassName");
  m.traits.cross_namespace_affinity = crosses_namespaces(spec);
  if (!holds_resources(pod, now))
    return;
  m.usage["pods"] = one;
  add(m.usage,
      compute_usage(pod_resources(spec, "requests", true), pod_resources(spec, "limits", true)));
}

void measure_claim(const json::value& claim, quota_measure& m) {
  const auto& spec = member(claim, "spec");
  const auto& status = member(claim, "status");
  m.claim = true;
  for (auto name :
       {text(spec, "volumeAttributesClassName"), text(status, "currentVolumeAttributesClassName"),
        text(member(status, "modifyVolumeStatus"), "targetVolumeAttributesClassName")})
    if (!name.empty())
      m.traits.attribute_classes.emplace(name);
  m.usage["persistentvolumeclaims"] = one;
  const auto& annotations = member(metadata_of(claim), "annotations");
  std::string storage_class(text(spec, "storageClassName"));
  if (has(annotations, "volume.beta.kubernetes.io/storage-class"))
    storage_class = text(annotations, "volume.beta.kubernetes.io/storage-class");
  std::string prefix = storage_class + std::string(class_infix);
  if (!storage_class.empty())
    m.usage[prefix + "persistentvolumeclaims"] = one;
  const auto& requests = member(member(spec, "resources"), "requests");
  if (!has(requests, "storage"))
    return;
  auto size = std::max(get_quantity(requests, "storage"),
                       get_quantity(member(status, "allocatedResources"), "storage"));
  // Whole bytes.
  if (auto bytes = quantity::of(size.value(), size.format()); bytes != size)
    size = bytes;
  m.usage["requests.storage"] = size;
  if (!storage_class.empty())
    m.usage[prefix + "requests.storage"] = size;
}

void measure_service(const json::value& service, quota_measure& m) {
  const auto& spec = member(service, "spec");
  auto type = text(spec, "type");
  const auto& ports = member(spec, "ports");
  int64_t node_ports = 0;
  if (type == "NodePort" ||
      (type == "LoadBalancer" && json::get_bool(spec, "allocateLoadBalancerNodePorts", true)))
    node_ports = static_cast<int64_t>(count(ports));
  else if (type == "LoadBalancer" && ports.IsArray())
    node_ports = std::count_if(ports.Begin(), ports.End(),
                               [](const auto& p) { return json::get_int(p, "nodePort") != 0; });
  m.usage["services"] = one;
  m.usage["services.nodeports"] = quantity::of(node_ports);
  m.usage["services.loadbalancers"] = quantity::of(type == "LoadBalancer" ? 1 : 0);
}

} // namespace

quota_measure measure(std::string_view resource, const json::value& object, time_point now) {
  quota_measure m;
  if (resource == "pods")
    measure_pod(object, now, m);
  else if (resource == "persistentvolumeclaims")
    measure_claim(object, m);
  else if (resource == "services")
    measure_service(object, m);
  else if (std::find(bare.begin(), bare.end(), resource) != bare.end())
    m.usage[std::string(resource)] = one;
  m.usage["count/" + std::string(resource)] = one;
  return m;
}

bool counts(std::string_view resource, std::string_view name) {
  // Kubernetes has never put a limit to events.
  if (resource == "events" || resource == "events.events.k8s.io")
    return false;
  if (name.starts_with("count/"))
    return name.substr(6) == resource;
  if (resource == "services")
    return name == "services" || name == "services.nodeports" || name == "services.loadbalancers";
  if (resource == "persistentvolumeclaims") {
    if (auto at = name.find(class_infix); at != name.npos)
      name = name.substr(at + class_infix.size());
    return name == "persistentvolumeclaims" || name == "requests.storage";
  }
  if (resource != "pods")
    return name == resource && std::find(bare.begin(), bare.end(), name) != bare.end();
  if (name == "pods" || name.starts_with("hugepages-") || name.starts_with("requests.hugepages-"))
    return true;
  if (name.starts_with("requests.") && !is_native(name))
    return true;
  if (name.starts_with("requests."))
    name = name.substr(9);
  else if (name.starts_with("limits."))
    name = name.substr(7);
  return name == "cpu" || name == "memory" || name == "ephemeral-storage";
}

quota_rule::quota_rule(const json::value& quota)
    : name_(text(metadata_of(quota), "name")),
      hard_(read_resources(member(member(quota, "spec"), "hard"))) {
  const auto& spec = member(quota, "spec");
  if (const auto& list = member(spec, "scopes"); list.IsArray())
    for (const auto& s : list.GetArray())
      scopes_.push_back({std::string(json::as_string(s)), "Exists", {}});
  const auto& selectors = member(member(spec, "scopeSelector"), "matchExpressions");
  if (selectors.IsArray())
    for (const auto& e : selectors.GetArray()) {
      scope s{std::string(text(e, "scopeName")), std::string(text(e, "operator")), {}};
      if (const auto& values = member(e, "values"); values.IsArray())
        for (const auto& v : values.GetArray())
          s.values.emplace(json::as_string(v));
      scopes_.push_back(std::move(s));
    }
}

resource_list quota_rule::hard_of(std::string_view resource) const {
  resource_list out;
  for (const auto& [name, q] : hard_)
    if (counts(resource, name))
      out.emplace(name, q);
  return out;
}

bool quota_rule::in_scope(bool pod, bool claim, const quota_traits& traits) const {
  return std::all_of(scopes_.begin(), scopes_.end(),
                     [&](const scope& s) { return holds(s, pod, claim, traits); });
}

bool quota_rule::holds(const scope& s, bool pod, bool claim, const quota_traits& t) {
  auto among = [&](const std::string& v) { return s.values.contains(v); };
  if (s.name == "VolumeAttributesClass") {
    if (!claim)
      return false;
    if (s.op == "Exists")
      return !t.attribute_classes.empty();
    if (t.attribute_classes.empty())
      return s.op == "NotIn" || s.op == "DoesNotExist";
    return std::any_of(t.attribute_classes.begin(), t.attribute_classes.end(), [&](const auto& c) {
      return s.op == "In" ? among(c) : s.op == "NotIn" ? !among(c) : false;
    });
  }
  if (!pod)
    return false;
  if (s.name == "Terminating")
    return t.terminating;
  if (s.name == "NotTerminating")
    return !t.terminating;
  if (s.name == "BestEffort")
    return t.best_effort;
  if (s.name == "NotBestEffort")
    return !t.best_effort;
  if (s.name == "CrossNamespacePodAffinity")
    return t.cross_namespace_affinity;
  if (s.name != "PriorityClass")
    return false;
  if (s.op == "Exists")
    return !t.priority_class.empty();
  if (s.op == "DoesNotExist")
    return t.priority_class.empty();
  bool in = !t.priority_class.empty() && among(t.priority_class);
  return s.op == "In" ? in : s.op == "NotIn" && !in;
}

void usage_account::refresh(const std::vector<object_ptr>& objects, time_point now) {
  ++pass_;
  for (const auto& o : objects) {
    auto [it, fresh] = items_.try_emplace(o->name());
    auto& i = it->second;
    i.seen = pass_;
    if (!fresh && i.revision == o->revision() && i.uid == o->uid() && !i.measure.fleeting)
      continue;
    if (!fresh)
      count(i.measure, false);
    i.uid = o->uid();
    i.revision = o->revision();
    i.measure = measure(resource_, o->parse(), now);
    count(i.measure, true);
  }
  std::erase_if(items_, [&](const auto& entry) {
    if (entry.second.seen == pass_)
      return false;
    count(entry.second.measure, false);
    return true;
  });
}

void usage_account::count(const quota_measure& m, bool in) {
  group_key key{m.pod, m.claim, m.traits};
  auto& g = groups_[key];
  if (in) {
    ++g.members;
    add(g.sum, m.usage);
  } else if (--g.members == 0) {
    groups_.erase(key);
  } else {
    for (const auto& [name, q] : m.usage)
      g.sum[name] -= q;
  }
}

resource_list usage_account::used(const quota_rule& rule) const {
  resource_list out;
  auto hard = rule.hard_of(resource_);
  for (const auto& [name, q] : hard)
    out[name];
  for (const auto& [key, g] : groups_) {
    const auto& [pod, claim, traits] = key;
    if (rule.in_scope(pod, claim, traits))
      for (auto& [name, sum] : out)
        if (auto it = g.sum.find(name); it != g.sum.end())
          sum += it->second;
  }
  return out;
}

const usage_account::item* usage_account::find(const std::string& name) const {
  auto it = items_.find(name);
  return it == items_.end() ? nullptr : &it->second;
}

} // namespace thespis::api::admission
