#include "api/schema/defaults.hpp"

#include "api/schema/default_hooks.hpp"

#include <charconv>

namespace thespis::api::schema {
namespace {

/// Defaults are short literals of our own; only lists and objects with members need the parser.
json::value literal_value(std::string_view text, json::allocator& a) {
  if (text == "{}")
    return json::value{rapidjson::kObjectType};
  if (text == "true" || text == "false")
    return json::value{text == "true"};
  if (text.size() >= 2 && text[0] == '"' && text.find('\\') == std::string_view::npos)
    return json::make_string(text.substr(1, text.size() - 2), a);
  int64_t n = 0;
  const auto r = std::from_chars(text.data(), text.data() + text.size(), n);
  if (r.ec == std::errc{} && r.ptr == text.data() + text.size())
    return json::value{n};
  const auto doc = json::parse(text);
  return doc ? json::copy(*doc, a) : json::value{};
}

void apply_inside(const value_type& t, json::value& v, json::allocator& a) {
  switch (t.form) {
  case shape::object:
    if (v.IsObject() && t.object->defaults_inside)
      apply_defaults(*t.object, v, a);
    return;
  case shape::list:
    if (v.IsArray())
      for (auto& e : v.GetArray())
        apply_inside(*t.element, e, a);
    return;
  case shape::map:
    if (v.IsObject())
      for (auto& m : v.GetObject())
        apply_inside(*t.element, m.value, a);
    return;
  default:
    return;
  }
}

/// Go's zero value of a string means absent.
bool is_absent(const json::value* v, const value_type& t) {
  return !v || v->IsNull() ||
         (t.form == shape::string && v->IsString() && v->GetStringLength() == 0);
}

} // namespace

void apply_defaults(const struct_type& type, json::value& obj, json::allocator& a) {
  if (type.custom)
    return type.custom->apply_defaults(obj, a);
  if (!type.defaults_inside || !obj.IsObject())
    return;
  for (auto& f : type.fields)
    if (!f.default_json.empty() && is_absent(json::find(obj, f.name), f.type))
      json::set(obj, f.name, literal_value(f.default_json, a), a);
  if (const auto hook = find_default_hook(type.default_hook))
    hook(obj, a);
  for (auto& m : obj.GetObject())
    if (const auto* f = type.find({m.name.GetString(), m.name.GetStringLength()}))
      apply_inside(f->type, m.value, a);
}

} // namespace thespis::api::schema
