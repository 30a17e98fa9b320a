#include "actors/controllers/content.hpp"

#include "api/schema/schema.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

std::vector<content_resource> read_content(const api::schema::registry& schemas) {
  std::vector<content_resource> res;
  for (const auto& r : schemas.resources()) {
    if (!r->has_verb("watch") || !r->has_verb("delete"))
      continue;
    const auto name = r->group_resource();
    // A resource of several versions is one. Events stand in two groups; the core one stores.
    const bool known =
        std::any_of(res.begin(), res.end(), [&](const auto& other) { return other.name == name; });
    if (!known && name == r->stored_resource())
      res.push_back({name, r->kind, r->group, r->plural, r->namespaced});
  }
  return res;
}

} // namespace

content_catalog::content_catalog(std::shared_ptr<const api::schema::registry> schemas)
    : schemas_(std::move(schemas)) {
  if (!schemas_)
    schemas_ = {std::shared_ptr<void>{}, &api::schema::registry::builtin()};
}

const std::vector<content_resource>& content_catalog::all() {
  if (const auto generation = schemas_->generation(); known_.empty() || generation != generation_) {
    known_ = read_content(*schemas_);
    generation_ = generation;
  }
  return known_;
}

const content_resource* content_catalog::find(std::string_view api_version, std::string_view kind) {
  const auto slash = api_version.find('/');
  const auto group = slash == std::string_view::npos ? "" : api_version.substr(0, slash);
  for (const auto& r : all())
    if (r.group == group && r.kind == kind)
      return &r;
  return nullptr;
}

std::vector<std::string> finalizers_of(const api::object& o) {
  std::vector<std::string> res;
  if (!o.meta().has_finalizers)
    return res;
  const auto doc = o.parse();
  if (const auto* list = api::json::at(doc, {"metadata", "finalizers"}); list && list->IsArray())
    for (const auto& f : list->GetArray())
      res.emplace_back(api::json::as_string(f));
  return res;
}

api::call set_finalizers_call(const api::object& o, const std::vector<std::string>& finalizers) {
  api::json::document doc;
  auto& a = doc.GetAllocator();
  doc.SetObject();
  auto& meta = api::json::ensure_object(doc, "metadata", a);
  api::json::set(meta, "uid", o.uid(), a);
  api::json::set(meta, "resourceVersion", std::to_string(o.revision()), a);
  api::json::value list{rapidjson::kArrayType};
  for (const auto& f : finalizers)
    list.PushBack(api::json::make_string(f, a), a);
  api::json::set(meta, "finalizers", std::move(list), a);
  return patch_call(o.resource(), {o.ns(), o.name()}, api::json::to_string(doc));
}

} // namespace thespis::actors
