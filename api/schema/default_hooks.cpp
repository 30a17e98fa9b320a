#include "api/schema/default_hooks.hpp"

#include <array>
#include <string>
#include <unordered_set>
#include <utility>

namespace thespis::api::schema {
namespace {

using json::allocator;
using json::value;

/// Zero counts as left out, as it does for Go's plain integers.
void default_int(value& obj, std::string_view key, int n, allocator& a) {
  if (json::get_int(obj, key) == 0)
    json::set(obj, key, value{n}, a);
}

void default_string(value& obj, std::string_view key, std::string_view text, allocator& a) {
  if (json::get_string(obj, key).empty())
    json::set(obj, key, text, a);
}

/// Calls `fn` with every object in the list `key` of `obj`.
template <class Fn>
void for_each(value& obj, std::string_view key, Fn fn) {
  if (auto* list = json::find(obj, key); list && list->IsArray())
    for (auto& e : list->GetArray())
      if (e.IsObject())
        fn(e);
}

void probe(value& obj, allocator& a) {
  default_int(obj, "timeoutSeconds", 1, a);
  default_int(obj, "periodSeconds", 10, a);
  default_int(obj, "successThreshold", 1, a);
  default_int(obj, "failureThreshold", 3, a);
}

/// Images without a tag, and those tagged latest, are looked up anew at each start.
void pull_policy(value& obj, std::string_view image_key, std::string_view policy_key,
                 allocator& a) {
  const auto image = json::get_string(obj, image_key);
  if (image.empty() || !json::get_string(obj, policy_key).empty())
    return;
  const auto slash = image.rfind('/');
  const auto name = slash == std::string_view::npos ? image : image.substr(slash + 1);
  const auto digest = name.find('@');
  const auto colon = name.substr(0, digest).rfind(':');
  const auto tag = colon == std::string_view::npos ? std::string_view{}
                                                   : name.substr(0, digest).substr(colon + 1);
  const bool latest = tag == "latest" || (tag.empty() && digest == std::string_view::npos);
  json::set(obj, policy_key, latest ? "Always" : "IfNotPresent", a);
}

void image_pull_policy(value& obj, allocator& a) {
  pull_policy(obj, "image", "imagePullPolicy", a);
}

void image_volume(value& obj, allocator& a) {
  pull_policy(obj, "reference", "pullPolicy", a);
}

/// What a container may use at most is what it asks for, unless it says otherwise.
void requests_from_limits(value& container, allocator& a) {
  auto* resources = json::find(container, "resources");
  if (!resources || !resources->IsObject())
    return;
  const auto* limits = json::find(*resources, "limits");
  if (!limits || !limits->IsObject() || limits->ObjectEmpty())
    return;
  // A copy, since a new member may move the old ones.
  const auto wanted = json::copy(*limits, a);
  auto& requests = json::ensure_object(*resources, "requests", a);
  if (!requests.IsObject())
    return;
  // A hostile body has resources by the hundred thousand: no search for every one.
  std::unordered_set<std::string> there;
  for (auto& m : requests.GetObject())
    there.emplace(m.name.GetString(), m.name.GetStringLength());
  for (auto& m : wanted.GetObject())
    if (there.emplace(m.name.GetString(), m.name.GetStringLength()).second)
      requests.AddMember(json::copy(m.name, a), json::copy(m.value, a), a);
}

void host_ports(value& container, allocator& a) {
  for_each(container, "ports", [&](value& port) {
    if (json::get_int(port, "hostPort") == 0)
      json::set(port, "hostPort", value{json::get_int(port, "containerPort")}, a);
  });
}

void pod(value& obj, allocator& a) {
  auto* spec = json::find(obj, "spec");
  if (!spec || !spec->IsObject())
    return;
  for (const auto* key : {"containers", "initContainers"})
    for_each(*spec, key, [&](value& c) { requests_from_limits(c, a); });
  if (!json::find(*spec, "enableServiceLinks"))
    json::set(*spec, "enableServiceLinks", value{true}, a);
}

void pod_spec(value& obj, allocator& a) {
  // The deprecated name of the field and the present one say the same.
  const auto name = json::get_string(obj, "serviceAccountName");
  const auto old_name = json::get_string(obj, "serviceAccount");
  if (!name.empty())
    json::set(obj, "serviceAccount", std::string{name}, a);
  else if (!old_name.empty())
    json::set(obj, "serviceAccountName", std::string{old_name}, a);
  if (json::get_bool(obj, "hostNetwork"))
    for (const auto* key : {"containers", "initContainers"})
      for_each(obj, key, [&](value& c) { host_ports(c, a); });
}

/// A volume without a source is an empty folder.
void volume(value& obj, allocator& a) {
  if (obj.MemberCount() == 1 && json::find(obj, "name"))
    json::set(obj, "emptyDir", value{rapidjson::kObjectType}, a);
}

void service_port(value& obj, allocator& a) {
  default_string(obj, "protocol", "TCP", a);
  const auto* target = json::find(obj, "targetPort");
  const bool unset = !target || target->IsNull() || (target->IsInt() && target->GetInt() == 0) ||
                     (target->IsString() && target->GetStringLength() == 0);
  if (const auto* port = json::find(obj, "port"); unset && port && port->IsInt())
    json::set(obj, "targetPort", value{port->GetInt()}, a);
}

void service_spec(value& obj, allocator& a) {
  if (json::get_string(obj, "sessionAffinity") == "ClientIP") {
    auto& config = json::ensure_object(obj, "sessionAffinityConfig", a);
    if (config.IsObject()) {
      auto& client = json::ensure_object(config, "clientIP", a);
      if (client.IsObject() && !json::find(client, "timeoutSeconds"))
        json::set(client, "timeoutSeconds", value{10800}, a);
    }
  }
  const std::string type{json::get_string(obj, "type")};
  const bool node_port = type == "NodePort" || type == "LoadBalancer";
  if (node_port)
    default_string(obj, "externalTrafficPolicy", "Cluster", a);
  if (node_port || type == "ClusterIP")
    default_string(obj, "internalTrafficPolicy", "Cluster", a);
  if (type == "LoadBalancer" && !json::find(obj, "allocateLoadBalancerNodePorts"))
    json::set(obj, "allocateLoadBalancerNodePorts", value{true}, a);
}

void rolling_update(value& obj, std::string_view type_key,
                    std::initializer_list<std::pair<const char*, const char*>> defaults,
                    allocator& a) {
  if (json::get_string(obj, type_key) != "RollingUpdate")
    return;
  auto& rolling = json::ensure_object(obj, "rollingUpdate", a);
  if (!rolling.IsObject())
    return;
  for (auto& [key, text] : defaults) {
    if (json::find(rolling, key))
      continue;
    if (text[0] >= '0' && text[0] <= '9' && text[1] == 0)
      json::set(rolling, key, value{text[0] - '0'}, a);
    else
      json::set(rolling, key, text, a);
  }
}

void deployment_strategy(value& obj, allocator& a) {
  rolling_update(obj, "type", {{"maxUnavailable", "25%"}, {"maxSurge", "25%"}}, a);
}

void daemon_set_strategy(value& obj, allocator& a) {
  rolling_update(obj, "type", {{"maxUnavailable", "1"}, {"maxSurge", "0"}}, a);
}

void stateful_set_strategy(value& obj, allocator& a) {
  rolling_update(obj, "type", {{"partition", "0"}}, a);
}

/// A controller that says nothing else looks after the pods its template makes.
void replication_controller(value& obj, allocator& a) {
  const auto* labels = json::at(obj, {"spec", "template", "metadata", "labels"});
  if (!labels || !labels->IsObject() || labels->ObjectEmpty())
    return;
  const auto copied = json::copy(*labels, a);
  auto* spec = json::find(obj, "spec");
  const auto* selector = json::find(*spec, "selector");
  if (!selector || (selector->IsObject() && selector->ObjectEmpty()))
    json::set(*spec, "selector", json::copy(copied, a), a);
  auto& meta = json::ensure_object(obj, "metadata", a);
  const auto* own = json::find(meta, "labels");
  if (meta.IsObject() && (!own || (own->IsObject() && own->ObjectEmpty())))
    json::set(meta, "labels", json::copy(copied, a), a);
}

/// A job that counts nothing wants one pod to succeed. CronJobs keep their jobs' specs as written.
void job(value& obj, allocator& a) {
  auto& spec = json::ensure_object(obj, "spec", a);
  const auto fill = [&](const char* key, value v) {
    if (!json::find(spec, key))
      json::set(spec, key, std::move(v), a);
  };
  if (!json::find(spec, "parallelism"))
    fill("completions", value{1});
  fill("parallelism", value{1});
  fill("backoffLimit", value{json::find(spec, "backoffLimitPerIndex") ? 2147483647 : 6});
  fill("manualSelector", value{false});
  fill("suspend", value{false});
  default_string(spec, "completionMode", "NonIndexed", a);
  default_string(spec, "podReplacementPolicy",
                 json::find(spec, "podFailurePolicy") ? "Failed" : "TerminatingOrFailed", a);
  const auto* labels = json::at(spec, {"template", "metadata", "labels"});
  auto& meta = json::ensure_object(obj, "metadata", a);
  const auto* own = json::find(meta, "labels");
  if (labels && labels->IsObject() && !labels->ObjectEmpty() &&
      (!own || (own->IsObject() && own->ObjectEmpty())))
    json::set(meta, "labels", json::copy(*labels, a), a);
}

/// Without further word, pods may have all that the node has.
void node_status(value& obj, allocator& a) {
  const auto* capacity = json::find(obj, "capacity");
  if (capacity && !json::find(obj, "allocatable"))
    json::set(obj, "allocatable", json::copy(*capacity, a), a);
}

void limit_range_item(value& obj, allocator& a) {
  if (json::get_string(obj, "type") != "Container")
    return;
  const auto fill = [&](const char* target, const char* source) {
    const auto* from = json::find(obj, source);
    if (!from || !from->IsObject())
      return;
    const auto wanted = json::copy(*from, a);
    auto& to = json::ensure_object(obj, target, a);
    for (auto& m : wanted.GetObject()) {
      const std::string_view name{m.name.GetString(), m.name.GetStringLength()};
      if (to.IsObject() && !json::find(to, name))
        json::set(to, name, json::copy(m.value, a), a);
    }
  };
  fill("default", "max");
  fill("defaultRequest", "default");
  fill("defaultRequest", "min");
}

/// One scaling policy: `value` pods or percent in `seconds`.
value scaling_policy(std::string_view type, int amount, int seconds, allocator& a) {
  value p{rapidjson::kObjectType};
  json::set(p, "type", type, a);
  json::set(p, "value", value{amount}, a);
  json::set(p, "periodSeconds", value{seconds}, a);
  return p;
}

/// Up at once, by four pods or twofold in 15 seconds; down as far as the window allows.
void autoscaler_behavior(value& obj, allocator& a) {
  for (const bool up : {true, false}) {
    auto& rules = json::ensure_object(obj, up ? "scaleUp" : "scaleDown", a);
    if (!rules.IsObject())
      continue;
    if (up && !json::find(rules, "stabilizationWindowSeconds"))
      json::set(rules, "stabilizationWindowSeconds", value{0}, a);
    default_string(rules, "selectPolicy", "Max", a);
    if (json::find(rules, "policies"))
      continue;
    value policies{rapidjson::kArrayType};
    if (up)
      policies.PushBack(scaling_policy("Pods", 4, 15, a), a);
    policies.PushBack(scaling_policy("Percent", 100, 15, a), a);
    json::set(rules, "policies", std::move(policies), a);
  }
}

/// A policy that names no directions is about traffic in, and about traffic out if it has rules
/// for that.
void network_policy_spec(value& obj, allocator& a) {
  if (const auto* types = json::find(obj, "policyTypes");
      types && types->IsArray() && !types->Empty())
    return;
  value types{rapidjson::kArrayType};
  types.PushBack("Ingress", a);
  if (const auto* egress = json::find(obj, "egress");
      egress && egress->IsArray() && !egress->Empty())
    types.PushBack("Egress", a);
  json::set(obj, "policyTypes", std::move(types), a);
}

void definition_names(value& obj, allocator& a) {
  std::string kind{json::get_string(obj, "kind")};
  if (kind.empty())
    return;
  default_string(obj, "listKind", kind + "List", a);
  for (auto& c : kind)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  default_string(obj, "singular", kind, a);
}

void device_request(value& obj, allocator& a) {
  if (json::get_string(obj, "allocationMode") == "ExactCount")
    default_int(obj, "count", 1, a);
}

/// A request of v1beta1, which holds what v1 has in `exactly`.
void flat_device_request(value& obj, allocator& a) {
  if (json::find(obj, "firstAvailable"))
    return;
  default_string(obj, "allocationMode", "ExactCount", a);
  device_request(obj, a);
}

/// Users and groups are of the group of roles, service accounts of the core group.
void rbac_subject(value& obj, allocator& a) {
  const auto kind = json::get_string(obj, "kind");
  if (kind == "User" || kind == "Group")
    default_string(obj, "apiGroup", "rbac.authorization.k8s.io", a);
}

constexpr std::array<std::pair<std::string_view, default_hook>, 21> hooks = {{
    {"autoscaler_behavior", autoscaler_behavior},
    {"daemon_set_strategy", daemon_set_strategy},
    {"definition_names", definition_names},
    {"deployment_strategy", deployment_strategy},
    {"device_request", device_request},
    {"flat_device_request", flat_device_request},
    {"image_pull_policy", image_pull_policy},
    {"image_volume", image_volume},
    {"job", job},
    {"limit_range_item", limit_range_item},
    {"network_policy_spec", network_policy_spec},
    {"node_status", node_status},
    {"pod", pod},
    {"pod_spec", pod_spec},
    {"probe", probe},
    {"rbac_subject", rbac_subject},
    {"replication_controller", replication_controller},
    {"service_port", service_port},
    {"service_spec", service_spec},
    {"stateful_set_strategy", stateful_set_strategy},
    {"volume", volume},
}};

} // namespace

default_hook find_default_hook(std::string_view name) {
  for (auto& [known, fn] : hooks)
    if (name == known)
      return fn;
  return nullptr;
}

} // namespace thespis::api::schema
