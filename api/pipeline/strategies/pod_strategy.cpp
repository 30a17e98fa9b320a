#include "api/pipeline/metadata.hpp"
#include "api/pipeline/strategies/strategies.hpp"
#include "api/validation/access.hpp"
#include "api/validation/pod.hpp"

namespace thespis::api {

namespace {

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

/// All as it was, but for what containers ask for. With other containers than before it stays as
/// it was sent, for validation to refuse.
void keep_all_but_resources(json::document& pod, const json::value& old) {
  const path at("spec");
  if (!same_containers(member(pod, "spec"), member(old, "spec"), at, nullptr))
    return;
  auto& a = pod.GetAllocator();
  const json::value wanted(json::copy(member(pod, "spec"), a));
  for (std::string_view key : {"metadata", "spec", "status"})
    keep_member(pod, old, key, a);
  for (std::string_view list : {"containers", "initContainers"}) {
    auto* containers = json::find(json::ensure_object(pod, "spec", a), list);
    for (rapidjson::SizeType i = 0; containers && i < containers->Size(); ++i)
      for (std::string_view key : {"resources", "resizePolicy"})
        keep_member((*containers)[i], member(wanted, list)[i], key, a);
  }
}

void prepare_update(operation& op, json::document& pod, const json::value& old) {
  auto& a = pod.GetAllocator();
  if (op.request.subresource == "ephemeralcontainers")
    return keep_all_but_ephemeral(pod, old);
  if (op.request.subresource == "resize")
    return keep_all_but_resources(pod, old);
  if (is_status_call(op)) {
    keep_member(json::ensure_object(pod, "metadata", a), metadata_of(old), "ownerReferences", a);
    auto& status = json::ensure_object(pod, "status", a);
    if (!has(status, "qosClass"))
      keep_member(status, member(old, "status"), "qosClass", a);
    return;
  }
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
  } else if (op.request.subresource == "resize") {
    validate_resize_update(pod, old, f);
    if (const auto qos = qos_class(pod); qos != qos_class(old))
      f.invalid(path("spec"), qos, "Pod QOS Class may not change as a result of resizing");
  } else {
    // Ephemeral containers have an endpoint of their own.
    validate_pod_update(pod, old, f);
  }
}

} // namespace

strategy pod_strategy() {
  strategy s;
  s.resource = "pods";
  s.prepare_create = prepare_create;
  s.prepare_update = prepare_update;
  s.validate = validate_pod;
  s.validate_create = validate_create;
  s.validate_update = validate_change;
  return s;
}

} // namespace thespis::api
