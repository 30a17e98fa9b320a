#include "api/pipeline/metadata.hpp"

namespace thespis::api {

namespace {

/// Longest generateName that still leaves room for the random characters in a DNS label.
constexpr size_t max_base_length = 58;
constexpr size_t random_length = 5;

void copy_or_erase(json::value& into, const json::value& from, std::string_view key,
                   json::allocator& a) {
  if (const auto* v = json::find(from, key); v && !v->IsNull())
    json::set(into, key, json::copy(*v, a), a);
  else
    json::erase(into, key);
}

bool same_member(const json::value& x, const json::value& y, std::string_view key) {
  const auto* a = json::find(x, key);
  const auto* b = json::find(y, key);
  if (!a || !b)
    return a == b;
  return json::equal(*a, *b);
}

bool same_content(const json::value& x, const json::value& y) {
  for (const auto& m : x.GetObject())
    if (auto key = json::as_string(m.name); is_content(key) && !same_member(x, y, key))
      return false;
  for (const auto& m : y.GetObject())
    if (auto key = json::as_string(m.name); is_content(key) && !json::find(x, key))
      return false;
  return true;
}

} // namespace

const json::value& metadata_of(const json::value& doc) {
  static const json::value none(rapidjson::kObjectType);
  const auto* m = json::find(doc, "metadata");
  return m && m->IsObject() ? *m : none;
}

bool is_content(std::string_view key) {
  return key != "metadata" && key != "status" && key != "kind" && key != "apiVersion";
}

bool same_object(const operation& op, const json::value& after, const json::value& before) {
  if (is_status_call(op))
    return same_member(after, before, "status") && same_member(after, before, "metadata");
  return json::equal(after, before);
}

std::string_view named_revision(const json::value& doc) {
  auto rv = json::get_string(metadata_of(doc), "resourceVersion");
  return rv == "0" ? std::string_view{} : rv;
}

result<void> settle_namespace(const operation& op, json::document& doc) {
  auto& metadata = json::ensure_object(doc, "metadata", doc.GetAllocator());
  if (!op.type.namespaced) {
    json::erase(metadata, "namespace");
    return {};
  }
  auto ns = json::get_string(metadata, "namespace");
  if (!ns.empty() && ns != op.request.ns)
    return fail(bad_request("the namespace of the provided object does not match the namespace "
                            "sent on the request"));
  if (ns.empty())
    json::set(metadata, "namespace", op.request.ns, doc.GetAllocator());
  return {};
}

void begin_metadata(const operation& op, json::document& doc) {
  auto& a = doc.GetAllocator();
  auto& metadata = json::ensure_object(doc, "metadata", a);
  for (auto key : {"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation",
                   "resourceVersion"})
    json::erase(metadata, key);
  auto base = json::get_string(metadata, "generateName");
  if (!base.empty() && json::get_string(metadata, "name").empty()) {
    auto name = std::string(base.substr(0, max_base_length));
    name += op.deps.random_suffix(random_length);
    json::set(metadata, "name", name, a);
  }
  json::set(metadata, "uid", op.deps.new_uid(), a);
  json::set(metadata, "creationTimestamp", op.now, a);
  if (op.type.generation != generation_rule::none)
    json::set(metadata, "generation", json::value(int64_t{1}), a);
}

void carry_metadata(const operation&, json::document& after, const json::value& before) {
  auto& a = after.GetAllocator();
  auto& metadata = json::ensure_object(after, "metadata", a);
  const auto& old = metadata_of(before);
  json::erase(metadata, "selfLink");
  copy_or_erase(metadata, old, "generation", a);
  copy_or_erase(metadata, old, "creationTimestamp", a);
  if (json::get_string(metadata, "uid").empty())
    copy_or_erase(metadata, old, "uid", a);
  copy_or_erase(metadata, old, "generateName", a);
  // A deletion once begun can be neither taken back nor moved by an update.
  copy_or_erase(metadata, old, "deletionTimestamp", a);
  copy_or_erase(metadata, old, "deletionGracePeriodSeconds", a);
  copy_or_erase(metadata, old, "resourceVersion", a);
}

void bump_generation(const operation& op, json::document& after, const json::value& before) {
  if (is_status_call(op))
    return;
  bool same = true;
  switch (op.type.generation) {
  case generation_rule::none:
    return;
  case generation_rule::spec:
    same = same_member(after, before, "spec");
    break;
  case generation_rule::spec_and_annotations:
    same = same_member(after, before, "spec") &&
           same_member(metadata_of(after), metadata_of(before), "annotations");
    break;
  case generation_rule::content:
    same = same_content(after, before);
    break;
  case generation_rule::all:
    same = same_content(after, before) && same_member(after, before, "status");
    break;
  }
  if (same)
    return;
  auto& a = after.GetAllocator();
  auto& metadata = json::ensure_object(after, "metadata", a);
  auto next = json::get_int(metadata_of(before), "generation") + 1;
  json::set(metadata, "generation", json::value(next), a);
}

bool mark_deleting(const operation& op, json::document& doc) {
  auto& a = doc.GetAllocator();
  auto& metadata = json::ensure_object(doc, "metadata", a);
  if (!json::get_string(metadata, "deletionTimestamp").empty())
    return false;
  json::set(metadata, "deletionTimestamp", op.now, a);
  if (auto generation = json::get_int(metadata, "generation"); generation > 0)
    json::set(metadata, "generation", json::value(generation + 1), a);
  return true;
}

bool has_finalizers(const json::value& doc) {
  const auto* list = json::find(metadata_of(doc), "finalizers");
  return list && list->IsArray() && !list->Empty();
}

bool has_finalizer(const json::value& doc, std::string_view name) {
  const auto* list = json::find(metadata_of(doc), "finalizers");
  if (list && list->IsArray())
    for (const auto& f : list->GetArray())
      if (json::as_string(f) == name)
        return true;
  return false;
}

void add_finalizer(json::document& doc, std::string_view name) {
  if (has_finalizer(doc, name))
    return;
  auto& a = doc.GetAllocator();
  auto& metadata = json::ensure_object(doc, "metadata", a);
  auto* list = json::find(metadata, "finalizers");
  if (!list || !list->IsArray()) {
    json::set(metadata, "finalizers", json::value(rapidjson::kArrayType), a);
    list = json::find(metadata, "finalizers");
  }
  list->PushBack(json::make_string(name, a), a);
}

void drop_finalizer(json::document& doc, std::string_view name) {
  auto* metadata = json::find(doc, "metadata");
  auto* list = metadata ? json::find(*metadata, "finalizers") : nullptr;
  if (!list || !list->IsArray())
    return;
  for (auto it = list->Begin(); it != list->End();)
    it = json::as_string(*it) == name ? list->Erase(it) : it + 1;
  if (list->Empty())
    json::erase(*metadata, "finalizers");
}

} // namespace thespis::api
