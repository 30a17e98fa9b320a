#include "api/pipeline/scale.hpp"

#include "api/pipeline/admit.hpp"
#include "api/pipeline/metadata.hpp"
#include "api/pipeline/patching.hpp"
#include "api/text/labels.hpp"
#include "api/validation/access.hpp"

#include <algorithm>
#include <array>

namespace thespis::api {

namespace {

constexpr std::array<std::string_view, 4> scalable{"deployments.apps", "replicasets.apps",
                                                   "replicationcontrollers", "statefulsets.apps"};

/// The pod selector as a query string.
std::string selector_text(std::string_view resource, const json::value& spec) {
  const auto& selector = member(spec, "selector");
  if (resource == "replicationcontrollers")
    return label_selector::from_map(&selector).to_string();
  auto read = read_label_selector(&selector);
  return read ? read->to_string() : std::string{};
}

json::document scale_document(const object& workload) {
  auto doc = workload.parse();
  json::document out(rapidjson::kObjectType);
  auto& a = out.GetAllocator();
  json::set(out, "kind", "Scale", a);
  json::set(out, "apiVersion", "autoscaling/v1", a);
  json::value metadata(rapidjson::kObjectType);
  for (auto key : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"})
    if (const auto* v = json::find(metadata_of(doc), key))
      json::set(metadata, key, json::copy(*v, a), a);
  json::set(out, "metadata", std::move(metadata), a);
  json::value spec(rapidjson::kObjectType);
  if (auto n = json::get_int(member(doc, "spec"), "replicas"))
    json::set(spec, "replicas", json::value(n), a);
  json::set(out, "spec", std::move(spec), a);
  json::value status(rapidjson::kObjectType);
  json::set(status, "replicas", json::value(json::get_int(member(doc, "status"), "replicas")), a);
  if (auto selector = selector_text(workload.resource(), member(doc, "spec")); !selector.empty())
    json::set(status, "selector", selector, a);
  json::set(out, "status", std::move(status), a);
  return out;
}

/// The Scale that the call wants.
result<json::document> wanted_scale(operation& op, const object& current) {
  if (op.request.verb == verb::update)
    return decode_body(op, op.request.body, kind_type("autoscaling", "v1", "Scale"));
  auto doc = scale_document(current);
  if (auto ok = apply_patch(op, doc, nullptr); !ok)
    return fail(ok.error());
  return doc;
}

} // namespace

bool is_scalable(std::string_view resource) {
  return std::find(scalable.begin(), scalable.end(), resource) != scalable.end();
}

result<std::string> scale_of(const object& workload) {
  if (!is_scalable(workload.resource()))
    return fail(not_found(workload.resource(), workload.name()));
  return json::to_string(scale_document(workload));
}

result<prepared> prepare_scale(operation& op) {
  auto current = existing(op);
  if (!current)
    return fail(current.error());
  auto scale = wanted_scale(op, **current);
  if (!scale)
    return fail(scale.error());
  auto name = json::get_string(metadata_of(*scale), "name");
  if (!name.empty() && name != op.request.name)
    return fail(bad_request("the name of the object (" + std::string(name) +
                            ") does not match the name on the URL (" + op.request.name + ")"));
  auto before = scale_document(**current);
  if (auto ok = admit(op, admission::action::update, kind_type("autoscaling", "v1", "Scale"),
                      &*scale, &before, op.request.dry_run);
      !ok)
    return fail(ok.error());
  const auto* n = json::find(member(*scale, "spec"), "replicas");
  if (n && !n->IsNull() && !n->IsInt())
    return fail(bad_request("Scale in version \"v1\" cannot be handled as a Scale: json: cannot "
                            "unmarshal into Go struct field ScaleSpec.spec.replicas of type "
                            "int32"));
  int replicas = n && n->IsInt() ? n->GetInt() : 0;
  if (replicas < 0)
    return fail(invalid("Scale.autoscaling", op.request.name,
                        {invalid_value("spec.replicas", std::to_string(replicas),
                                       "must be greater than or equal to 0")}));
  update_request r;
  r.current = *current;
  r.before = r.current->parse();
  r.after.CopyFrom(r.before, r.after.GetAllocator());
  auto& a = r.after.GetAllocator();
  json::set(json::ensure_object(r.after, "spec", a), "replicas", json::value(replicas), a);
  auto& metadata = json::ensure_object(r.after, "metadata", a);
  json::set(metadata, "resourceVersion", named_revision(*scale), a);
  if (auto uid = json::get_string(metadata_of(*scale), "uid"); !uid.empty())
    json::set(metadata, "uid", uid, a);
  r.uid_is_precondition = true;
  r.admitted = true;
  return update_object(op, std::move(r));
}

} // namespace thespis::api
