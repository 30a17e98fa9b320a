// The schemas of custom resources in OpenAPI documents.
#include "api/crd/definition.hpp"

#include <array>

namespace thespis::api::crd {

namespace {

constexpr std::string_view object_meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// OpenAPI v2 knows neither alternatives nor null, and clients must not judge what is kept anyway.
void simplify(json::value& v, json::allocator& a) {
  if (!v.IsObject())
    return;
  for (auto key : {"oneOf", "anyOf", "allOf", "not"})
    json::erase(v, key);
  if (json::get_bool(v, "nullable") || json::get_bool(v, "x-kubernetes-int-or-string"))
    json::erase(v, "type");
  json::erase(v, "nullable");
  if (json::get_bool(v, "x-kubernetes-preserve-unknown-fields")) {
    for (auto key : {"properties", "items", "additionalProperties"})
      json::erase(v, key);
    return;
  }
  if (auto* p = json::find(v, "properties"); p && p->IsObject())
    for (auto& m : p->GetObject())
      simplify(m.value, a);
  for (auto key : {"items", "additionalProperties"})
    if (auto* inner = json::find(v, key))
      simplify(*inner, a);
}

void describe_member(json::value& properties, std::string_view name, std::string_view about,
                     json::allocator& a) {
  json::value m(rapidjson::kObjectType);
  json::set(m, "description", about, a);
  json::set(m, "type", "string", a);
  json::set(properties, name, std::move(m), a);
}

} // namespace

std::string open_api_of(const json::value& schema, const schema::struct_type& kind, bool v2) {
  json::document doc;
  auto& a = doc.GetAllocator();
  static_cast<json::value&>(doc) = json::copy(schema, a);
  if (!doc.IsObject())
    doc.SetObject();
  if (v2)
    simplify(doc, a);
  if (!v2 || !json::get_bool(doc, "x-kubernetes-preserve-unknown-fields")) {
    auto& properties = json::ensure_object(doc, "properties", a);
    describe_member(properties, "apiVersion", "The version of this kind.", a);
    describe_member(properties, "kind", "The kind's name.", a);
    json::value meta(rapidjson::kObjectType);
    json::set(meta, "$ref", object_meta, a);
    json::set(properties, "metadata", std::move(meta), a);
  }
  json::value gvk(rapidjson::kObjectType);
  json::set(gvk, "group", kind.group, a);
  json::set(gvk, "kind", kind.name, a);
  json::set(gvk, "version", kind.version, a);
  json::value all(rapidjson::kArrayType);
  all.PushBack(gvk, a);
  json::set(doc, "x-kubernetes-group-version-kind", std::move(all), a);
  return json::to_string(doc);
}

} // namespace thespis::api::crd
