// Structural schemas as the types of the schema engine: what merges and apply look at.
#include "api/crd/definition.hpp"

namespace thespis::api::crd {

namespace {

using schema::shape;
using schema::struct_type;
using schema::value_type;

/// Deeper than that nothing is merged field by field.
constexpr int max_depth = 64;
/// With more fields than that an object is merged as a map.
constexpr size_t max_fields = 10'000;

std::string one_line(const json::value& schema) {
  auto text = json::get_string(schema, "description");
  return std::string(text.substr(0, text.find('\n')));
}

class maker {
public:
  explicit maker(schema::type_set& set) : set_(set) {}

  struct_type* object(const structural& s, const json::value& source, const std::string& name,
                      int depth) {
    auto& t = *set_.types.emplace_back(std::make_unique<struct_type>());
    t.name = name.substr(name.rfind('.') + 1);
    t.full_name = name;
    t.about = one_line(source);
    t.keep_unknown = s.preserve_unknown || s.embedded;
    t.map_declared = !s.map_type.empty();
    t.atomic = s.map_type == "atomic";
    const auto* inner = json::find(source, "properties");
    if (s.properties.size() > max_fields)
      return &t;
    for (const auto& [key, p] : s.properties) {
      const auto* of = inner ? json::find(*inner, key) : nullptr;
      schema::field f;
      f.name = key;
      f.type = value(*p, of ? *of : source, name + "." + key, depth + 1);
      f.about = of ? one_line(*of) : std::string{};
      t.fields.push_back(std::move(f));
    }
    t.seal();
    return &t;
  }

private:
  value_type value(const structural& s, const json::value& source, const std::string& name,
                   int depth) {
    value_type v;
    v.form = shape_of(s);
    if (depth > max_depth && (v.form == shape::object || v.form == shape::list))
      v.form = shape::any;
    switch (v.form) {
    case shape::object:
      if (s.properties.empty() && s.has_additional && s.additional) {
        v.form = shape::map;
        v.element = element(*s.additional, source, "additionalProperties", name, depth);
      } else {
        v.object = object(s, source, name, depth);
      }
      v.map_declared = !s.map_type.empty();
      v.atomic_map = s.map_type == "atomic";
      break;
    case shape::list:
      if (s.items)
        v.element = element(*s.items, source, "items", name, depth);
      else
        v.element = std::make_shared<const value_type>();
      v.list_declared = !s.list_type.empty();
      v.list = s.list_type == "map"   ? schema::list_kind::map
               : s.list_type == "set" ? schema::list_kind::set
                                      : schema::list_kind::atomic;
      v.list_keys = s.list_keys;
      break;
    default:
      break;
    }
    return v;
  }

  std::shared_ptr<const value_type> element(const structural& s, const json::value& source,
                                            std::string_view key, const std::string& name,
                                            int depth) {
    const auto* of = json::find(source, key);
    return std::make_shared<const value_type>(value(s, of ? *of : source, name, depth + 1));
  }

  static shape shape_of(const structural& s) {
    if (s.int_or_string)
      return shape::int_or_string;
    switch (s.type) {
    case value_kind::any:
      return shape::any;
    case value_kind::object:
      return s.properties.empty() && (!s.has_additional || !s.additional) ? shape::any
                                                                          : shape::object;
    case value_kind::array:
      return shape::list;
    case value_kind::string:
      return shape::string;
    case value_kind::integer:
      return shape::int64;
    case value_kind::number:
      return shape::number;
    case value_kind::boolean:
      return shape::boolean;
    }
    return shape::any;
  }

  schema::type_set& set_;
};

} // namespace

struct_type* make_types(const structural& s, const json::value& schema,
                        const std::string& full_name, schema::type_set& set) {
  return maker{set}.object(s, schema, full_name, 0);
}

} // namespace thespis::api::crd
