// Definitions of types, from the schema registry.
#include "api/json.hpp"
#include "api/openapi/model.hpp"

#include <algorithm>
#include <set>

namespace thespis::api::openapi {

namespace {

constexpr const char* quantity_name = "io.k8s.apimachinery.pkg.api.resource.Quantity";
constexpr const char* time_name = "io.k8s.apimachinery.pkg.apis.meta.v1.Time";
constexpr const char* micro_time_name = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";
constexpr const char* int_or_string_name = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
constexpr const char* patch_name = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";

node leaf(std::string type, std::string format, std::string about) {
  node n;
  n.type = std::move(type);
  n.format = std::move(format);
  n.about = std::move(about);
  return n;
}

node reference(std::string name) {
  node n;
  n.ref = std::move(name);
  return n;
}

/// The definitions that stand for scalars of Kubernetes' own.
std::map<std::string, node> scalar_definitions() {
  std::map<std::string, node> m;
  auto quantity = leaf("string", "", "A number with a unit suffix: 500m, 1Gi, 2e3.");
  quantity.one_of = {"string", "number"};
  m[quantity_name] = std::move(quantity);
  m[time_name] = leaf("string", "date-time", "A time as RFC 3339 writes it, in whole seconds.");
  m[micro_time_name] =
      leaf("string", "date-time", "A time as RFC 3339 writes it, with a fraction.");
  auto either = leaf("string", "int-or-string", "A number, or a string such as 25% or a name.");
  either.one_of = {"integer", "string"};
  m[int_or_string_name] = std::move(either);
  m[patch_name] = leaf("object", "", "A patch, of the kind that the request's content type names.");
  return m;
}

node of_value(const schema::value_type& t);

std::unique_ptr<node> of_element(const schema::value_type& t) {
  return std::make_unique<node>(t.element ? of_value(*t.element) : node{});
}

std::string_view list_type_name(schema::list_kind k) {
  switch (k) {
  case schema::list_kind::atomic:
    return "atomic";
  case schema::list_kind::set:
    return "set";
  case schema::list_kind::map:
    return "map";
  }
  return "atomic";
}

std::string json_strings(const std::vector<std::string>& values) {
  std::string out = "[";
  for (const auto& v : values)
    out += (out.size() > 1 ? "," : "") + json::quote(v);
  return out + "]";
}

node of_list(const schema::value_type& t) {
  auto n = leaf("array", "", "");
  n.items = of_element(t);
  if (t.list_declared)
    n.extensions.push_back({"x-kubernetes-list-type", json::quote(list_type_name(t.list))});
  if (!t.list_keys.empty())
    n.extensions.push_back({"x-kubernetes-list-map-keys", json_strings(t.list_keys)});
  return n;
}

node of_value(const schema::value_type& t) {
  switch (t.form) {
  case schema::shape::string:
    return leaf("string", "", "");
  case schema::shape::boolean:
    return leaf("boolean", "", "");
  case schema::shape::int32:
    return leaf("integer", "int32", "");
  case schema::shape::int64:
    return leaf("integer", "int64", "");
  case schema::shape::number:
    return leaf("number", "double", "");
  case schema::shape::bytes:
    return leaf("string", "byte", "");
  case schema::shape::quantity:
    return reference(quantity_name);
  case schema::shape::time:
    return reference(time_name);
  case schema::shape::micro_time:
    return reference(micro_time_name);
  case schema::shape::int_or_string:
    return reference(int_or_string_name);
  case schema::shape::any:
    return leaf("object", "", "");
  case schema::shape::object:
    return reference(t.object->full_name);
  case schema::shape::list:
    return of_list(t);
  case schema::shape::map: {
    auto n = leaf("object", "", "");
    n.additional = of_element(t);
    return n;
  }
  }
  return {};
}

std::string strategy_text(uint8_t patch) {
  std::string out;
  auto add = [&](uint8_t bit, std::string_view name) {
    if (patch & bit)
      out.append(out.empty() ? "" : ",").append(name);
  };
  add(schema::patch_merge, "merge");
  add(schema::patch_replace, "replace");
  add(schema::patch_retain_keys, "retainKeys");
  return out;
}

node of_field(const schema::field& f) {
  auto n = of_value(f.type);
  n.about = f.about;
  n.default_json = f.default_json;
  if (f.type.checks && !f.type.checks->open_enum && n.ref.empty() && n.type == "string")
    n.values = f.type.checks->enum_values;
  if (f.type.map_declared)
    n.extensions.push_back(
        {"x-kubernetes-map-type", f.type.atomic_map ? "\"atomic\"" : "\"granular\""});
  if (!f.merge_key.empty())
    n.extensions.push_back({"x-kubernetes-patch-merge-key", json::quote(f.merge_key)});
  if (auto strategy = strategy_text(f.patch); !strategy.empty())
    n.extensions.push_back({"x-kubernetes-patch-strategy", json::quote(strategy)});
  return n;
}

node of_struct(const schema::struct_type& t) {
  node n;
  n.type = "object";
  n.about = t.about;
  for (const auto& f : t.fields) {
    n.properties.emplace_back(f.name, of_field(f));
    if (f.required)
      n.required.push_back(f.name);
  }
  if (t.kind)
    n.extensions.push_back(
        {"x-kubernetes-group-version-kind", "[{\"group\":" + json::quote(t.group) +
                                                ",\"kind\":" + json::quote(t.name) +
                                                ",\"version\":" + json::quote(t.version) + "}]"});
  if (t.map_declared || t.atomic)
    n.extensions.push_back({"x-kubernetes-map-type", t.atomic ? "\"atomic\"" : "\"granular\""});
  if (t.keep_unknown)
    n.extensions.push_back({"x-kubernetes-preserve-unknown-fields", "true"});
  return n;
}

node of_json(const json::value& schema, bool v2);

void take_member(node& n, std::string_view name, const json::value& v, bool v2) {
  const bool strings =
      v.IsArray() && std::all_of(v.Begin(), v.End(), [](const auto& e) { return e.IsString(); });
  if (name == "$ref")
    n.ref = json::as_string(v);
  else if (name == "description")
    n.about = json::as_string(v);
  else if (name == "type")
    n.type = json::as_string(v);
  else if (name == "format")
    n.format = json::as_string(v);
  else if (name == "default")
    n.default_json = json::to_string(v);
  else if ((name == "required" || (name == "enum" && !v2)) && strings)
    for (const auto& e : v.GetArray())
      (name == "enum" ? n.values : n.required).emplace_back(json::as_string(e));
  else if (name == "properties" && v.IsObject())
    for (const auto& m : v.GetObject())
      n.properties.emplace_back(json::as_string(m.name), of_json(m.value, v2));
  else if (name == "items")
    n.items = std::make_unique<node>(of_json(v, v2));
  else if (name == "additionalProperties")
    n.additional = std::make_unique<node>(of_json(v, v2));
  else // rules as well: clients compare what is published with what they defined
    n.extensions.push_back({std::string(name), json::to_string(v)});
}

/// The schema of a run-time kind, which is JSON already.
node of_json(const json::value& schema, bool v2) {
  node n;
  if (schema.IsObject())
    for (const auto& m : schema.GetObject())
      take_member(n, json::as_string(m.name), m.value, v2);
  return n;
}

node of_custom(const schema::struct_type& t, bool v2) {
  const auto doc = json::parse_trusted(t.custom->open_api(v2));
  return of_json(doc, v2);
}

/// Types reachable from a set of roots, by full name.
class reachable {
public:
  void add(const schema::struct_type* t) {
    if (!t || !types_.emplace(t->full_name, t).second)
      return;
    // A run-time kind is described in one piece.
    if (t->custom) {
      if (const auto* meta = t->find("metadata"))
        add(meta->type);
      return;
    }
    for (const auto& f : t->fields)
      add(f.type);
  }

  const std::map<std::string, const schema::struct_type*>& types() const { return types_; }

private:
  void add(const schema::value_type& v) {
    add(v.object);
    if (v.element)
      add(*v.element);
  }

  std::map<std::string, const schema::struct_type*> types_;
};

} // namespace

resource_list resources_of(const schema::registry& r, const scope& s) {
  resource_list out;
  for (auto& resource : r.resources())
    if (s.covers(*resource))
      out.push_back(std::move(resource));
  return out;
}

void for_definitions(const schema::registry& r, const resource_list& resources, bool v2,
                     const std::function<void(const std::string&, const node&)>& f) {
  reachable needed;
  for (const auto& resource : resources) {
    needed.add(resource->type);
    needed.add(resource->list_type);
    for (const auto& sub : resource->subresources)
      needed.add(r.find_kind_type(sub.group, sub.version, sub.kind));
  }
  for (std::string_view kind : {"Status", "DeleteOptions"})
    needed.add(r.find_kind_type("", "v1", kind));
  auto scalars = scalar_definitions();
  auto scalar = scalars.begin();
  for (const auto& [name, type] : needed.types()) {
    for (; scalar != scalars.end() && scalar->first <= name; ++scalar)
      if (scalar->first != name)
        f(scalar->first, scalar->second);
    f(name, type->custom ? of_custom(*type, v2) : of_struct(*type));
  }
  for (; scalar != scalars.end(); ++scalar)
    f(scalar->first, scalar->second);
}

} // namespace thespis::api::openapi
