#include "api/pipeline/metadata.hpp"
#include "api/pipeline/strategies/strategies.hpp"

namespace thespis::api {

namespace {

constexpr std::string_view name_label = "kubernetes.io/metadata.name";

void label_with_name(json::document& ns) {
  auto& a = ns.GetAllocator();
  auto& metadata = json::ensure_object(ns, "metadata", a);
  auto name = std::string(json::get_string(metadata, "name"));
  if (!name.empty())
    json::set(json::ensure_object(metadata, "labels", a), name_label, name, a);
}

void prepare_create(operation&, json::document& ns) {
  auto& a = ns.GetAllocator();
  json::value status(rapidjson::kObjectType);
  json::set(status, "phase", "Active", a);
  json::set(ns, "status", std::move(status), a);
  auto& spec = json::ensure_object(ns, "spec", a);
  auto* list = json::find(spec, "finalizers");
  if (!list || !list->IsArray()) {
    json::set(spec, "finalizers", json::value(rapidjson::kArrayType), a);
    list = json::find(spec, "finalizers");
  }
  bool there = false;
  for (const auto& f : list->GetArray())
    there = there || json::as_string(f) == "kubernetes";
  if (!there)
    list->PushBack(json::make_string("kubernetes", a), a);
  label_with_name(ns);
}

/// spec.finalizers are written through /finalize alone, which writes nothing else.
void prepare_update(operation& op, json::document& ns, const json::value& old) {
  auto& a = ns.GetAllocator();
  if (op.request.subresource != "finalize")
    keep_member(ns, old, "spec", a);
  if (!is_status_call(op))
    keep_member(ns, old, "status", a);
  label_with_name(ns);
}

} // namespace

strategy namespace_strategy() {
  strategy s;
  s.resource = "namespaces";
  s.prepare_create = prepare_create;
  s.prepare_update = prepare_update;
  return s;
}

} // namespace thespis::api
