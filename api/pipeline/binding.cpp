// pods/binding: a creation that changes the pod it hangs on.
#include "api/pipeline/admit.hpp"
#include "api/pipeline/metadata.hpp"
#include "api/pipeline/operation.hpp"
#include "api/text/quote.hpp"

namespace thespis::api {

namespace {

error not_bound(std::string_view pod, std::string_view detail) {
  return conflict("pods/binding", pod, detail);
}

/// Whether this pod may be given a node now.
result<void> check_bindable(const json::value& pod, const std::string& name) {
  if (!json::get_string(metadata_of(pod), "deletionTimestamp").empty())
    return fail(not_bound(name, "pod " + name +
                                    " is being deleted, cannot be assigned to a "
                                    "host"));
  const auto* spec = json::find(pod, "spec");
  if (!spec)
    return {};
  if (auto node = json::get_string(*spec, "nodeName"); !node.empty())
    return fail(not_bound(name, "pod " + name + " is already assigned to node " + quote_go(node)));
  if (const auto* gates = json::find(*spec, "schedulingGates");
      gates && gates->IsArray() && !gates->Empty())
    return fail(not_bound(name, "pod " + name + " has non-empty .spec.schedulingGates"));
  return {};
}

/// Sets a condition to True; its transition time moves only when the status does.
void set_condition_true(const operation& op, json::document& pod, std::string_view type) {
  auto& a = pod.GetAllocator();
  auto& status = json::ensure_object(pod, "status", a);
  auto* list = json::find(status, "conditions");
  if (!list || !list->IsArray()) {
    json::set(status, "conditions", json::value(rapidjson::kArrayType), a);
    list = json::find(status, "conditions");
  }
  json::value c(rapidjson::kObjectType);
  json::set(c, "type", type, a);
  json::set(c, "status", "True", a);
  json::set(c, "lastProbeTime", json::value(rapidjson::kNullType), a);
  json::set(c, "lastTransitionTime", op.now, a);
  for (auto& old : list->GetArray())
    if (json::get_string(old, "type") == type) {
      if (json::get_string(old, "status") == "True")
        json::set(c, "lastTransitionTime", json::get_string(old, "lastTransitionTime"), a);
      old = std::move(c);
      return;
    }
  list->PushBack(std::move(c), a);
}

void merge_annotations(json::document& pod, const json::value& binding) {
  const auto* wanted = json::find(metadata_of(binding), "annotations");
  if (!wanted || !wanted->IsObject() || wanted->ObjectEmpty())
    return;
  auto& a = pod.GetAllocator();
  auto& annotations =
      json::ensure_object(json::ensure_object(pod, "metadata", a), "annotations", a);
  for (const auto& m : wanted->GetObject())
    json::set(annotations, json::as_string(m.name), json::copy(m.value, a), a);
}

result<void> check_binding(const operation& op, const json::value& binding) {
  auto name = json::get_string(metadata_of(binding), "name");
  if (!name.empty() && name != op.request.name)
    return fail(bad_request("name in URL does not match name in Binding object"));
  static const json::value none(rapidjson::kObjectType);
  const auto* t = json::find(binding, "target");
  const auto& target = t ? *t : none;
  std::vector<cause> causes;
  if (auto kind = json::get_string(target, "kind"); !kind.empty() && kind != "Node")
    causes.push_back(not_supported("target.kind", quote_go(kind), {"Node", "<empty>"}));
  if (json::get_string(target, "name").empty())
    causes.push_back(required("target.name"));
  if (!causes.empty())
    return fail(invalid("Binding", op.request.name, std::move(causes)));
  return {};
}

} // namespace

result<prepared> prepare_binding(operation& op) {
  auto binding = decode_body(op, op.request.body, kind_type("", "v1", "Binding"));
  if (!binding)
    return fail(binding.error());
  if (auto ok = admit(op, admission::action::create, kind_type("", "v1", "Binding"), &*binding,
                      nullptr, op.request.dry_run);
      !ok)
    return fail(ok.error());
  if (auto ok = check_binding(op, *binding); !ok)
    return fail(ok.error());
  auto current = existing(op);
  if (!current)
    return fail(current.error());
  const auto& o = **current;
  if (auto uid = json::get_string(metadata_of(*binding), "uid"); !uid.empty() && uid != o.uid())
    return fail(not_bound(o.name(), "Precondition failed: UID in precondition: " +
                                        std::string(uid) + ", UID in object meta: " + o.uid()));
  auto rv = named_revision(*binding);
  if (!rv.empty() && rv != std::to_string(o.revision()))
    return fail(not_bound(
        o.name(), "Precondition failed: ResourceVersion in precondition: " + std::string(rv) +
                      ", ResourceVersion in object meta: " + std::to_string(o.revision())));
  auto pod = o.parse();
  if (auto ok = check_bindable(pod, o.name()); !ok)
    return fail(ok.error());
  auto& a = pod.GetAllocator();
  auto node = json::get_string(*json::find(*binding, "target"), "name");
  json::set(json::ensure_object(pod, "spec", a), "nodeName", node, a);
  merge_annotations(pod, *binding);
  set_condition_true(op, pod, "PodScheduled");
  if (op.request.dry_run) {
    reply r;
    r.ok = r.created = true;
    r.body = created_status;
    return r;
  }
  auto w = replace(op, o, pod, rv.empty());
  w.answer.created = true;
  w.answer.body = created_status;
  return w;
}

} // namespace thespis::api
