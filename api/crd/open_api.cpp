// The schemas of custom resources in OpenAPI documents.
#include "api/crd/definition.hpp"

#include <initializer_list>

namespace thespis::api::crd {

namespace {

constexpr std::string_view object_meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

void erase_all(json::value& v, std::initializer_list<std::string_view> keys) {
  for (auto key : keys)
    json::erase(v, key);
}

bool is_nullable(const json::value* v) {
  return v && json::get_bool(*v, "nullable");
}

/// What may be null need not be there for clients that know no null.
void loosen_required(json::value& v) {
  auto* required = json::find(v, "required");
  if (!required || !required->IsArray())
    return;
  const auto* properties = json::find(v, "properties");
  for (auto e = required->Begin(); properties && e != required->End();)
    e = is_nullable(json::find(*properties, json::as_string(*e))) ? required->Erase(e) : e + 1;
  if (required->Empty() || is_nullable(json::find(v, "additionalProperties")))
    json::erase(v, "required");
}

/// OpenAPI v2 knows neither alternatives nor null, and kubectl would judge what is kept anyway
/// where it knew the members.
void simplify(json::value& v) {
  if (!v.IsObject())
    return;
  erase_all(v, {"oneOf", "anyOf", "allOf", "not"});
  if (json::get_bool(v, "nullable"))
    erase_all(v, {"type", "items", "properties"});
  if (json::get_bool(v, "x-kubernetes-int-or-string"))
    json::erase(v, "type");
  json::erase(v, "nullable");
  const bool open = json::get_bool(v, "x-kubernetes-preserve-unknown-fields");
  if (open)
    erase_all(v, {"items", "properties"});
  const auto type = json::get_string(v, "type");
  if ((open && type == "object") || (type == "array" && !json::find(v, "items")))
    json::erase(v, "type");
  loosen_required(v);
  if (auto* p = json::find(v, "properties"); p && p->IsObject())
    for (auto& m : p->GetObject())
      simplify(m.value);
  for (auto key : {"items", "additionalProperties"})
    if (auto* inner = json::find(v, key))
      simplify(*inner);
}

void describe_member(json::value& properties, std::string_view name, std::string_view about,
                     json::allocator& a) {
  json::value m(rapidjson::kObjectType);
  json::set(m, "description", about, a);
  json::set(m, "type", "string", a);
  json::set(properties, name, std::move(m), a);
}

} // namespace

std::string open_api_of(const json::value& schema, const schema::struct_type& kind,
                        const std::vector<std::string>& selectable, bool v2) {
  json::document doc;
  auto& a = doc.GetAllocator();
  static_cast<json::value&>(doc) = json::copy(schema, a);
  if (!doc.IsObject())
    doc.SetObject();
  // Of a kind that keeps everything clients of v2 are told no more than that it is an object.
  const bool bare = v2 && json::get_bool(doc, "x-kubernetes-preserve-unknown-fields");
  if (bare) {
    doc.SetObject();
    json::set(doc, "type", "object", a);
  } else {
    if (v2)
      simplify(doc);
    auto& properties = json::ensure_object(doc, "properties", a);
    describe_member(properties, "apiVersion", "APIVersion defines the version of this kind.", a);
    describe_member(properties, "kind", "The kind's name.", a);
    json::value meta(rapidjson::kObjectType);
    json::set(meta, "description", "Standard object's metadata: who it is and its history.", a);
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
  if (!selectable.empty()) {
    json::value fields(rapidjson::kArrayType);
    for (const auto& path : selectable) {
      json::value field(rapidjson::kObjectType);
      json::set(field, "fieldPath", path, a);
      fields.PushBack(field, a);
    }
    json::set(doc, "x-kubernetes-selectable-fields", std::move(fields), a);
  }
  return json::to_string(doc);
}

} // namespace thespis::api::crd
