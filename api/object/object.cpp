#include "api/object/object.hpp"

#include <algorithm>
#include <charconv>

namespace thespis::api {

namespace {

uint64_t read_revision(std::string_view s) {
  uint64_t n = 0;
  auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), n);
  return ec == std::errc{} && end == s.data() + s.size() ? n : 0;
}

label_set read_labels(const json::value& metadata) {
  label_set labels;
  const auto* v = json::find(metadata, "labels");
  if (!v || !v->IsObject())
    return labels;
  labels.reserve(v->MemberCount());
  for (const auto& m : v->GetObject())
    labels.emplace_back(json::as_string(m.name), json::as_string(m.value));
  std::sort(labels.begin(), labels.end());
  return labels;
}

std::vector<owner_reference> read_owners(const json::value& metadata) {
  std::vector<owner_reference> owners;
  const auto* v = json::find(metadata, "ownerReferences");
  if (!v || !v->IsArray())
    return owners;
  owners.reserve(v->Size());
  for (const auto& o : v->GetArray()) {
    owner_reference ref;
    ref.api_version = json::get_string(o, "apiVersion");
    ref.kind = json::get_string(o, "kind");
    ref.name = json::get_string(o, "name");
    ref.uid = json::get_string(o, "uid");
    ref.controller = json::get_bool(o, "controller");
    ref.block_owner_deletion = json::get_bool(o, "blockOwnerDeletion");
    owners.push_back(std::move(ref));
  }
  return owners;
}

void write_string(json::writer& w, const json::value& s) {
  w.String(s.GetString(), s.GetStringLength());
}

} // namespace

const std::string* find_label(const label_set& labels, std::string_view key) {
  auto it = std::lower_bound(labels.begin(), labels.end(), key,
                             [](const auto& l, std::string_view k) { return l.first < k; });
  return it != labels.end() && it->first == key ? &it->second : nullptr;
}

json::document object::parse() const {
  return json::parse_trusted(bytes_);
}

std::string object_key(std::string_view ns, std::string_view name) {
  std::string key;
  key.reserve(ns.size() + 1 + name.size());
  if (!ns.empty())
    key.append(ns).append(1, '/');
  return key.append(name);
}

object_meta read_meta(std::string_view resource, const json::value& doc) {
  object_meta meta;
  meta.resource = resource;
  if (const auto* m = json::find(doc, "metadata"); m && m->IsObject()) {
    meta.ns = json::get_string(*m, "namespace");
    meta.name = json::get_string(*m, "name");
    meta.uid = json::get_string(*m, "uid");
    meta.revision = read_revision(json::get_string(*m, "resourceVersion"));
    meta.generation = json::get_int(*m, "generation");
    meta.labels = read_labels(*m);
    meta.owners = read_owners(*m);
    meta.deleting = !json::get_string(*m, "deletionTimestamp").empty();
    const auto* finalizers = json::find(*m, "finalizers");
    meta.has_finalizers = finalizers && finalizers->IsArray() && !finalizers->Empty();
  }
  if (resource == "pods")
    if (const auto* node = json::at(doc, {"spec", "nodeName"}))
      meta.node_name = json::as_string(*node);
  return meta;
}

draft make_draft(std::string_view resource, json::document& doc) {
  auto& alloc = doc.GetAllocator();
  if (!doc.IsObject())
    doc.SetObject();
  auto& metadata = json::ensure_object(doc, "metadata", alloc);
  json::set(metadata, "resourceVersion", "", alloc);

  draft d;
  d.meta = read_meta(resource, doc);
  d.meta.revision = 0;
  // The two outer levels are written by hand, so that the hole's place is known and not searched
  // for: a label or an annotation may contain the very same text.
  rapidjson::StringBuffer out;
  json::writer w(out);
  w.StartObject();
  for (const auto& m : doc.GetObject()) {
    write_string(w, m.name);
    if (&m.value != &metadata) {
      m.value.Accept(w);
      continue;
    }
    w.StartObject();
    for (const auto& field : metadata.GetObject()) {
      write_string(w, field.name);
      if (json::as_string(field.name) == "resourceVersion") {
        w.String("", 0);
        d.revision_pos = out.GetSize() - 1;
      } else {
        field.value.Accept(w);
      }
    }
    w.EndObject();
  }
  w.EndObject();
  d.bytes.assign(out.GetString(), out.GetSize());
  return d;
}

object_ptr seal(draft d, uint64_t revision) {
  char digits[20];
  auto end = std::to_chars(digits, digits + sizeof digits, revision).ptr;
  // Built anew at its exact size: inserting would double the capacity of bytes that live long.
  const auto n = static_cast<size_t>(end - digits);
  std::string bytes;
  bytes.reserve(d.bytes.size() + n);
  bytes.append(d.bytes, 0, d.revision_pos).append(digits, n).append(d.bytes, d.revision_pos);
  d.meta.revision = revision;
  auto res = std::make_shared<const object>(std::move(d.meta), std::move(bytes));
  res->set_fits(d.fits);
  return res;
}

result<object_ptr> load_object(std::string_view resource, std::string bytes) {
  json::limits l;
  l.max_bytes = 64 * 1024 * 1024; // what was written once is never refused for its size
  auto doc = json::parse(bytes, l);
  if (!doc)
    return fail(std::move(doc.error()));
  if (!doc->IsObject())
    return fail(bad_request("an object is no JSON object"));
  auto meta = read_meta(resource, *doc);
  if (meta.name.empty() || meta.revision == 0)
    return fail(bad_request("an object lacks its name or its resourceVersion"));
  return std::make_shared<const object>(std::move(meta), std::move(bytes));
}

} // namespace thespis::api
