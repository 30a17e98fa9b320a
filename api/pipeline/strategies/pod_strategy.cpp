#include "api/pipeline/metadata.hpp"
#include "api/pipeline/strategies/strategies.hpp"
#include "api/text/quote.hpp"
#include "api/validation/access.hpp"
#include "api/validation/pod.hpp"

#include <optional>

namespace thespis::api {

namespace {

/// How long a pod stays on a node that is not ready or not reachable, unless it says otherwise.
constexpr int64_t default_toleration_seconds = 300;

constexpr int64_t node_critical_priority = 2000001000;
constexpr int64_t cluster_critical_priority = 2000000000;

bool tolerates_no_execute(const json::value& spec, std::string_view key) {
  const auto& list = member(spec, "tolerations");
  if (!list.IsArray())
    return false;
  for (const auto& t : list.GetArray()) {
    auto effect = text(t, "effect");
    auto k = text(t, "key");
    if ((k == key || k.empty()) && (effect == "NoExecute" || effect.empty()))
      return true;
  }
  return false;
}

void add_default_tolerations(json::document& pod) {
  auto& a = pod.GetAllocator();
  auto& spec = json::ensure_object(pod, "spec", a);
  for (std::string_view key : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
    if (tolerates_no_execute(spec, key))
      continue;
    json::value t(rapidjson::kObjectType);
    json::set(t, "key", key, a);
    json::set(t, "operator", "Exists", a);
    json::set(t, "effect", "NoExecute", a);
    json::set(t, "tolerationSeconds", json::value(default_toleration_seconds), a);
    auto* list = json::find(spec, "tolerations");
    if (!list || !list->IsArray()) {
      json::set(spec, "tolerations", json::value(rapidjson::kArrayType), a);
      list = json::find(spec, "tolerations");
    }
    list->PushBack(std::move(t), a);
  }
}

std::string name_shown(const json::value& pod) {
  const auto& metadata = metadata_of(pod);
  auto name = text(metadata, "name");
  return std::string(name.empty() ? text(metadata, "generateName") : name);
}

result<void> set_service_account(operation& op, json::document& pod) {
  auto& a = pod.GetAllocator();
  auto& spec = json::ensure_object(pod, "spec", a);
  std::string name(text(spec, "serviceAccountName"));
  if (name.empty())
    name = "default";
  // The account named "default" comes to every namespace by itself, in its own time.
  else if (name != "default" && !op.find("serviceaccounts", op.request.ns, name))
    return fail(forbidden(op.type.resource, name_shown(pod),
                          "error looking up service account " + op.request.ns + "/" + name +
                              ": serviceaccount " + quote_go(name) + " not found"));
  json::set(spec, "serviceAccountName", name, a);
  json::set(spec, "serviceAccount", name, a);
  return {};
}

struct priority_class {
  int64_t value = 0;
  std::string preemption = "PreemptLowerPriority";
};

priority_class read_class(const object& o) {
  auto doc = o.parse();
  return {json::get_int(doc, "value"),
          std::string(json::get_string(doc, "preemptionPolicy", "PreemptLowerPriority"))};
}

std::optional<priority_class> find_class(const operation& op, const std::string& name) {
  if (name == "system-node-critical")
    return priority_class{node_critical_priority};
  if (name == "system-cluster-critical")
    return priority_class{cluster_critical_priority};
  auto o = op.find("priorityclasses.scheduling.k8s.io", {}, name);
  if (!o)
    return std::nullopt;
  return read_class(*o);
}

/// The class of pods that name none: the one marked so, else priority 0.
priority_class default_class(const operation& op, std::string& name) {
  priority_class best;
  for (const auto& o : op.deps.state->list("priorityclasses.scheduling.k8s.io").objects)
    if (json::get_bool(o->parse(), "globalDefault")) {
      name = o->name();
      best = read_class(*o);
    }
  return best;
}

result<void> set_priority(operation& op, json::document& pod) {
  auto& a = pod.GetAllocator();
  auto& spec = json::ensure_object(pod, "spec", a);
  std::string name(text(spec, "priorityClassName"));
  priority_class c;
  if (name.empty()) {
    c = default_class(op, name);
    if (!name.empty())
      json::set(spec, "priorityClassName", name, a);
  } else if (auto found = find_class(op, name)) {
    c = *found;
  } else {
    return fail(forbidden(op.type.resource, name_shown(pod),
                          "no PriorityClass with name " + name + " was found"));
  }
  if (has(spec, "priority") && json::get_int(spec, "priority") != c.value)
    return fail(forbidden(op.type.resource, name_shown(pod),
                          "the integer value of priority (" +
                              std::to_string(json::get_int(spec, "priority")) +
                              ") must not be provided in pod spec; priority admission controller "
                              "computed " +
                              std::to_string(c.value) + " from the given PriorityClass name"));
  json::set(spec, "priority", json::value(c.value), a);
  if (!has(spec, "preemptionPolicy"))
    json::set(spec, "preemptionPolicy", c.preemption, a);
  return {};
}

result<void> admit(operation& op, json::document& pod) {
  if (auto ok = set_service_account(op, pod); !ok)
    return ok;
  if (auto ok = set_priority(op, pod); !ok)
    return ok;
  add_default_tolerations(pod);
  return {};
}

void prepare_create(operation&, json::document& pod) {
  auto& a = pod.GetAllocator();
  json::value status(rapidjson::kObjectType);
  json::set(status, "phase", "Pending", a);
  if (filled(member(member(pod, "spec"), "schedulingGates"))) {
    json::value c(rapidjson::kObjectType);
    json::set(c, "type", "PodScheduled", a);
    json::set(c, "status", "False", a);
    json::set(c, "reason", "SchedulingGated", a);
    json::set(c, "message", "Scheduling is blocked due to non-empty scheduling gates", a);
    json::value list(rapidjson::kArrayType);
    list.PushBack(std::move(c), a);
    json::set(status, "conditions", std::move(list), a);
  }
  json::set(status, "qosClass", qos_class(pod), a);
  json::set(pod, "status", std::move(status), a);
}

/// All as it was, but for the ephemeral containers.
void keep_all_but_ephemeral(json::document& pod, const json::value& old) {
  auto& a = pod.GetAllocator();
  json::value wanted(json::copy(member(member(pod, "spec"), "ephemeralContainers"), a));
  for (std::string_view key : {"metadata", "spec", "status"})
    keep_member(pod, old, key, a);
  if (wanted.IsNull())
    json::erase(json::ensure_object(pod, "spec", a), "ephemeralContainers");
  else
    json::set(json::ensure_object(pod, "spec", a), "ephemeralContainers", std::move(wanted), a);
}

void prepare_update(operation& op, json::document& pod, const json::value& old) {
  auto& a = pod.GetAllocator();
  if (op.request.subresource == "ephemeralcontainers")
    return keep_all_but_ephemeral(pod, old);
  if (is_status_call(op)) {
    keep_member(json::ensure_object(pod, "metadata", a), metadata_of(old), "ownerReferences", a);
    auto& status = json::ensure_object(pod, "status", a);
    if (!has(status, "qosClass"))
      keep_member(status, member(old, "status"), "qosClass", a);
    return;
  }
  auto& spec = json::ensure_object(pod, "spec", a);
  for (std::string_view key : {"priority", "preemptionPolicy"})
    if (!has(spec, key))
      keep_member(spec, member(old, "spec"), key, a);
  add_default_tolerations(pod);
}

void validate_create(const json::value& pod, findings& f) {
  path at("spec");
  if (filled(member(member(pod, "spec"), "ephemeralContainers")))
    f.forbidden(path(at, "ephemeralContainers"), "cannot be set on create");
}

void validate_change(const operation& op, const json::value& pod, const json::value& old,
                     findings& f) {
  if (is_status_call(op)) {
    validate_pod_status_update(pod, old, f);
  } else if (op.request.subresource == "ephemeralcontainers") {
    validate_ephemeral_update(pod, old, f);
  } else {
    // Ephemeral containers have an endpoint of their own.
    validate_pod_update(pod, old, f);
  }
}

} // namespace

strategy pod_strategy() {
  strategy s;
  s.resource = "pods";
  s.admit = admit;
  s.prepare_create = prepare_create;
  s.prepare_update = prepare_update;
  s.validate = validate_pod;
  s.validate_create = validate_create;
  s.validate_update = validate_change;
  return s;
}

} // namespace thespis::api
