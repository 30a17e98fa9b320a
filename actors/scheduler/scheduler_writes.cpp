#include "actors/scheduler/scheduler_writes.hpp"

#include "actors/controllers/volume_match.hpp"
#include "api/object/typed.hpp"
#include "api/text/time.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

/// As the pod shows it already, if it does.
std::optional<api::v1::pod_condition> known_condition(const api::v1::pod& pod) {
  for (const auto& c : pod.status.conditions)
    if (c.type == "PodScheduled" && c.status == "False" && c.reason == "Unschedulable")
      return c;
  return std::nullopt;
}

api::call strategic(const std::string& resource, const object_id& id, std::string body,
                    const std::string& subresource) {
  auto res = patch_call(resource, id, std::move(body), subresource);
  res.patch = api::patch_kind::strategic_merge;
  return res;
}

std::string condition_body(const std::string& uid, const std::string& type,
                           const std::string& status, const std::string& reason,
                           const std::string& message, const std::string& since,
                           const std::string& more = {}) {
  using api::json::quote;
  return R"({"metadata":{"uid":)" + quote(uid) + R"(},"status":{)" + more +
         R"("conditions":[{"type":)" + quote(type) + R"(,"status":)" + quote(status) +
         R"(,"reason":)" + quote(reason) + R"(,"lastProbeTime":null,"lastTransitionTime":)" +
         quote(since) + R"(,"message":)" + quote(message) + "}]}}";
}

} // namespace

std::optional<api::call> unschedulable_call(const placement& p, wall_time now) {
  const auto pod = api::typed<api::v1::pod>(*p.pod);
  const auto known = known_condition(*pod);
  const bool nominates = !p.nominated.empty() && p.nominated != pod->status.nominated_node_name;
  if (known && known->message == p.message && !nominates)
    return std::nullopt;
  const auto since = known ? known->last_transition_time : api::format_time(now);
  const auto more =
      nominates ? R"("nominatedNodeName":)" + api::json::quote(p.nominated) + "," : std::string{};
  return strategic("pods", {p.pod->ns(), p.pod->name()},
                   condition_body(p.pod->uid(), "PodScheduled", "False", "Unschedulable", p.message,
                                  since, more),
                   "status");
}

api::call nomination_call(const api::object& pod, const std::string& node) {
  return patch_call("pods", {pod.ns(), pod.name()},
                    R"({"metadata":{"uid":)" + api::json::quote(pod.uid()) +
                        R"(},"status":{"nominatedNodeName":)" +
                        (node.empty() ? "null" : api::json::quote(node)) + "}}",
                    "status");
}

std::vector<api::call> eviction_calls(const victim& v, const std::string& scheduler,
                                      wall_time now) {
  std::vector<api::call> res;
  res.push_back(
      strategic("pods", {v.ns, v.name},
                condition_body(v.uid, "DisruptionTarget", "True", "PreemptionByScheduler",
                               scheduler + ": preempting to accommodate a higher priority pod",
                               api::format_time(now)),
                "status"));
  api::call gone;
  gone.verb = api::verb::remove;
  gone.resource = "pods";
  gone.ns = v.ns;
  gone.name = v.name;
  gone.precondition_uid = v.uid;
  res.push_back(std::move(gone));
  return res;
}

event_note preempted_note(const victim& v, const placement& by) {
  event_note res;
  res.reason = "Preempted";
  res.message = "Preempted by pod " + by.pod->uid() + " on node " + by.nominated;
  res.kind = "Pod";
  api::object_meta meta;
  meta.resource = "pods";
  meta.ns = v.ns;
  meta.name = v.name;
  meta.uid = v.uid;
  res.about = std::make_shared<api::object>(std::move(meta), std::string{});
  return res;
}

std::vector<api::call> volume_calls(const placement& p) {
  using api::json::quote;
  std::vector<api::call> res;
  for (const auto& [claim, volume] : p.volumes.bind) {
    const auto& m = claim->metadata;
    // As of the version that was judged: somebody else may have taken it since.
    res.push_back(patch_call(
        "persistentvolumes", {{}, volume->metadata.name},
        R"({"metadata":{"resourceVersion":)" + quote(volume->metadata.resource_version) +
            R"(,"annotations":{)" + quote(volume_notes::bound_by_controller) +
            R"(:"yes"}},"spec":{"claimRef":{"apiVersion":"v1","kind":"PersistentVolumeClaim",)"
            R"("namespace":)" +
            quote(m.namespace_) + R"(,"name":)" + quote(m.name) + R"(,"uid":)" + quote(m.uid) +
            R"(,"resourceVersion":)" + quote(m.resource_version) + "}}}"));
  }
  for (const auto& claim : p.volumes.provision) {
    const auto& m = claim->metadata;
    res.push_back(patch_call("persistentvolumeclaims", {m.namespace_, m.name},
                             R"({"metadata":{"uid":)" + quote(m.uid) + R"(,"annotations":{)" +
                                 quote(volume_notes::selected_node) + ":" + quote(p.node) + "}}}"));
  }
  return res;
}

} // namespace thespis::actors
