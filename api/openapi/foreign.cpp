#include "api/openapi/foreign.hpp"

#include <array>
#include <set>

namespace thespis::api::openapi {

namespace {

constexpr std::string_view definition_prefix = "#/definitions/";

std::string definition_name(std::string_view ref) {
  return ref.starts_with(definition_prefix) ? std::string(ref.substr(definition_prefix.size()))
                                            : std::string{};
}

/// Adds the names of all definitions that are referred to anywhere below.
void add_references(const json::value& v, std::set<std::string>& out) {
  if (v.IsArray())
    for (const auto& one : v.GetArray())
      add_references(one, out);
  if (v.IsObject())
    for (const auto& m : v.GetObject()) {
      if (json::as_string(m.name) == "$ref" && m.value.IsString())
        out.insert(definition_name(json::as_string(m.value)));
      else
        add_references(m.value, out);
    }
}

bool is_kind_of(const json::value& definition, std::string_view group, std::string_view version) {
  const auto* kinds = json::find(definition, "x-kubernetes-group-version-kind");
  if (kinds && kinds->IsArray())
    for (const auto& k : kinds->GetArray())
      if (json::get_string(k, "group") == group && json::get_string(k, "version") == version)
        return true;
  return false;
}

/// The definitions that those of `wanted` need, themselves included.
std::set<std::string> closure(const json::value& definitions, std::set<std::string> wanted) {
  std::set<std::string> done;
  while (!wanted.empty()) {
    auto name = wanted.extract(wanted.begin()).value();
    const auto* d = json::find(definitions, name);
    if (d == nullptr || !done.insert(name).second)
      continue;
    std::set<std::string> next;
    add_references(*d, next);
    for (auto& n : next)
      if (!done.contains(n))
        wanted.insert(n);
  }
  return done;
}

/// Such documents are larger than requests, and held as long as they are read.
json::limits document_limits() {
  json::limits l;
  l.max_bytes = 16 * 1024 * 1024;
  l.refuse_duplicate_keys = false;
  return l;
}

std::string text_of(const json::value& v, std::string_view key) {
  return std::string(json::get_string(v, key));
}

std::vector<std::string> strings(const json::value& v, std::string_view key) {
  std::vector<std::string> out;
  if (const auto* list = json::find(v, key); list && list->IsArray())
    for (const auto& one : list->GetArray())
      if (one.IsString())
        out.emplace_back(json::as_string(one));
  return out;
}

std::vector<parameter> parameters_of(const json::value& v, std::string* body) {
  std::vector<parameter> out;
  const auto* list = json::find(v, "parameters");
  if (!list || !list->IsArray())
    return out;
  for (const auto& p : list->GetArray()) {
    const auto in = json::get_string(p, "in");
    if (in == "body" && body)
      if (const auto* schema = json::find(p, "schema"))
        *body = definition_name(json::get_string(*schema, "$ref"));
    if (in == "query" || in == "path")
      out.push_back(
          {text_of(p, "name"), text_of(p, "description"), text_of(p, "type"), in == "path"});
  }
  return out;
}

operation operation_of(std::string_view method, const json::value& v) {
  operation o;
  o.method = method;
  o.id = text_of(v, "operationId");
  o.about = text_of(v, "description");
  o.action = text_of(v, "x-kubernetes-action");
  if (auto tags = strings(v, "tags"); !tags.empty())
    o.tag = tags.front();
  const auto* gvk = json::find(v, "x-kubernetes-group-version-kind");
  o.gvk_json = gvk ? json::to_string(*gvk) : "{}";
  o.consumes = strings(v, "consumes");
  o.produces = strings(v, "produces");
  o.parameters = parameters_of(v, &o.body);
  if (const auto* responses = json::find(v, "responses")) {
    if (const auto* good = json::find(*responses, "200"))
      if (const auto* schema = json::find(*good, "schema"))
        o.response = definition_name(json::get_string(*schema, "$ref"));
    o.created = json::find(*responses, "201") != nullptr;
  }
  return o;
}

} // namespace

std::string part_of_v2(std::string_view document, std::string_view group,
                       std::string_view version) {
  auto doc = json::parse(document, document_limits());
  const auto* paths = doc ? json::find(*doc, "paths") : nullptr;
  if (!paths || !paths->IsObject())
    return {};
  json::document out(rapidjson::kObjectType);
  auto& a = out.GetAllocator();
  const auto root = "/apis/" + std::string(group) + "/" + std::string(version) + "/";
  json::value kept(rapidjson::kObjectType);
  for (const auto& m : paths->GetObject())
    if (auto name = json::as_string(m.name);
        m.value.IsObject() && (name.starts_with(root) || name == root.substr(0, root.size() - 1)))
      json::set(kept, name, json::copy(m.value, a), a);
  if (kept.ObjectEmpty())
    return {};
  std::set<std::string> wanted;
  add_references(kept, wanted);
  json::value definitions(rapidjson::kObjectType);
  if (const auto* all = json::find(*doc, "definitions"); all && all->IsObject()) {
    for (const auto& m : all->GetObject())
      if (is_kind_of(m.value, group, version))
        wanted.emplace(json::as_string(m.name));
    for (const auto& name : closure(*all, std::move(wanted)))
      json::set(definitions, name, json::copy(*json::find(*all, name), a), a);
  }
  json::set(out, "paths", std::move(kept), a);
  json::set(out, "definitions", std::move(definitions), a);
  return json::to_string(out);
}

void for_foreign(const foreign_parts& parts, const char* member,
                 const std::function<void(std::string_view name, const json::value& v)>& f) {
  std::set<std::string, std::less<>> seen;
  for (const auto& part : parts) {
    if (!part)
      continue;
    auto doc = json::parse(*part, document_limits());
    const auto* all = doc ? json::find(*doc, member) : nullptr;
    if (all && all->IsObject())
      for (const auto& m : all->GetObject())
        if (seen.emplace(json::as_string(m.name)).second)
          f(json::as_string(m.name), m.value);
  }
}

node node_of(const json::value& schema) {
  node n;
  if (!schema.IsObject())
    return n;
  n.ref = definition_name(json::get_string(schema, "$ref"));
  n.about = text_of(schema, "description");
  n.type = text_of(schema, "type");
  n.format = text_of(schema, "format");
  if (const auto* d = json::find(schema, "default"))
    n.default_json = json::to_string(*d);
  n.required = strings(schema, "required");
  if (const auto* all = json::find(schema, "properties"); all && all->IsObject())
    for (const auto& m : all->GetObject())
      n.properties.emplace_back(json::as_string(m.name), node_of(m.value));
  if (const auto* items = json::find(schema, "items"))
    n.items = std::make_unique<node>(node_of(*items));
  if (const auto* more = json::find(schema, "additionalProperties"); more && more->IsObject())
    n.additional = std::make_unique<node>(node_of(*more));
  for (const auto& m : schema.GetObject())
    if (json::as_string(m.name).starts_with("x-"))
      n.extensions.push_back({std::string(json::as_string(m.name)), json::to_string(m.value)});
  return n;
}

path path_of(std::string_view name, const json::value& item) {
  constexpr std::array<std::string_view, 5> methods{"get", "put", "post", "delete", "patch"};
  path p;
  p.name = name;
  for (const auto method : methods)
    if (const auto* o = json::find(item, method); o && o->IsObject())
      p.operations.push_back(operation_of(method, *o));
  p.parameters = parameters_of(item, nullptr);
  return p;
}

} // namespace thespis::api::openapi
