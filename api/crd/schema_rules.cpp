#include "api/crd/schema_rules.hpp"

#include "api/cel/rules.hpp"
#include "api/crd/judge.hpp"
#include "api/text/quote.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace thespis::api::crd {

namespace {

using json::value;

constexpr size_t max_findings = 100;
constexpr std::string_view undefined = "must be undefined to be structural";

bool is_set(const value& s, std::string_view key) {
  const auto* v = json::find(s, key);
  return v && !v->IsNull() && !(v->IsString() && v->GetStringLength() == 0) && !v->IsFalse();
}

/// Where in a schema a schema stands.
enum class place : uint8_t { root, field, item, logic };

class checker {
public:
  explicit checker(findings& f) : f_(f) {}

  void run(const value& s, const std::string& at, place where) {
    if (f_.size() >= max_findings || !s.IsObject())
      return;
    kind(s, at, where);
    unsupported(s, at);
    if (where == place::root)
      root(s, at);
    if (where == place::logic)
      no_structure(s, at);
    extensions(s, at);
    list_type(s, at);
    inside(s, at, where);
    logic(s, at);
    if (where != place::logic)
      default_value(s, at);
  }

private:
  void add(cause c) { f_.causes().push_back(std::move(c)); }

  void kind(const value& s, const std::string& at, place where) {
    const auto type = json::get_string(s, "type");
    const bool any = json::get_bool(s, "x-kubernetes-int-or-string") ||
                     json::get_bool(s, "x-kubernetes-preserve-unknown-fields");
    if (type == "null")
      return add(field_forbidden(at + ".type",
                                 "type cannot be set to null, use nullable as an alternative"));
    static const std::vector<std::string> known{"array",  "boolean", "integer",
                                                "number", "object",  "string"};
    if (!type.empty() && std::find(known.begin(), known.end(), type) == known.end())
      return add(not_supported(at + ".type", quote_go(type), known));
    if (where == place::root && type.empty())
      add(required(at + ".type", "must not be empty at the root"));
    else if (where == place::root && type != "object")
      add(invalid_value(at + ".type", quote_go(type), "must be object at the root"));
    else if (type.empty() && !any && where == place::field)
      add(required(at + ".type", "must not be empty for specified object fields"));
    else if (type.empty() && !any && where == place::item)
      add(required(at + ".type", "must not be empty for specified array items"));
    if (type == "array" && !json::find(s, "items") && where != place::logic)
      add(required(at + ".items", "must be specified"));
    if (const auto text = json::get_string(s, "pattern"); !text.empty()) {
      re2::RE2::Options o;
      o.set_log_errors(false);
      o.set_max_mem(1 << 20);
      if (re2::RE2 r(re2::StringPiece(text.data(), text.size()), o); !r.ok())
        add(invalid_value(at + ".pattern", quote_go(text),
                          "must be a valid regular expression, but isn't: " + r.error()));
    }
  }

  void unsupported(const value& s, const std::string& at) {
    for (auto key : {"$ref", "definitions", "dependencies", "id", "patternProperties",
                     "additionalItems", "$schema"})
      if (is_set(s, key))
        add(field_forbidden(at + "." + key, std::string(key) + " is not supported"));
    if (json::get_bool(s, "uniqueItems"))
      add(field_forbidden(at + ".uniqueItems", "uniqueItems cannot be set to true since the "
                                               "runtime complexity becomes quadratic"));
  }

  void root(const value& s, const std::string& at) {
    if (json::get_bool(s, "nullable"))
      add(field_forbidden(at + ".nullable", "nullable cannot be true at the root"));
    const auto* meta = json::at(s, {"properties", "metadata"});
    if (!meta || !meta->IsObject())
      return;
    bool only_names = true;
    for (const auto& m : meta->GetObject()) {
      const auto key = json::as_string(m.name);
      only_names = only_names && (key == "type" || key == "description" || key == "properties");
    }
    if (const auto* p = json::find(*meta, "properties"); p && p->IsObject())
      for (const auto& m : p->GetObject()) {
        const auto key = json::as_string(m.name);
        only_names = only_names && (key == "name" || key == "generateName");
      }
    if (!only_names)
      add(field_forbidden(at + ".properties[metadata]",
                          "must not specify anything other than name and generateName, but "
                          "metadata is implicitly specified"));
  }

  /// Inside allOf, anyOf, oneOf and not only values are judged.
  void no_structure(const value& s, const std::string& at) {
    for (auto key : {"description", "title", "default", "nullable", "additionalProperties",
                     "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource",
                     "x-kubernetes-int-or-string", "x-kubernetes-list-type",
                     "x-kubernetes-list-map-keys", "x-kubernetes-map-type"})
      if (is_set(s, key))
        add(field_forbidden(at + "." + key, undefined));
    if (is_set(s, "type") && !alternatives_)
      add(field_forbidden(at + ".type", undefined));
  }

  void extensions(const value& s, const std::string& at) {
    const auto type = json::get_string(s, "type");
    if (const auto* keep = json::find(s, "x-kubernetes-preserve-unknown-fields");
        keep && keep->IsFalse())
      add(invalid_value(at + ".x-kubernetes-preserve-unknown-fields", "false",
                        "must be true or undefined"));
    if (json::get_bool(s, "x-kubernetes-int-or-string") && !type.empty())
      add(invalid_value(at + ".type", quote_go(type),
                        "must be empty if x-kubernetes-int-or-string is true"));
    if (json::get_bool(s, "x-kubernetes-embedded-resource")) {
      if (type.empty())
        add(required(at + ".type", "must be object if x-kubernetes-embedded-resource is true"));
      else if (type != "object")
        add(invalid_value(at + ".type", quote_go(type),
                          "must be object if x-kubernetes-embedded-resource is true"));
      const auto* p = json::find(s, "properties");
      if ((!p || !p->IsObject() || p->ObjectEmpty()) &&
          !json::get_bool(s, "x-kubernetes-preserve-unknown-fields"))
        add(required(at + ".properties",
                     "must not be empty if x-kubernetes-embedded-resource is true without "
                     "x-kubernetes-preserve-unknown-fields"));
    }
    if (const auto map = json::get_string(s, "x-kubernetes-map-type"); !map.empty()) {
      if (type != "object")
        add(type.empty()
                ? required(at + ".type", "must be object if x-kubernetes-map-type is specified")
                : invalid_value(at + ".type", quote_go(type),
                                "must be object if x-kubernetes-map-type is specified"));
      if (map != "atomic" && map != "granular")
        add(not_supported(at + ".x-kubernetes-map-type", quote_go(map), {"atomic", "granular"}));
    }
  }

  void list_type(const value& s, const std::string& at) {
    const auto list = json::get_string(s, "x-kubernetes-list-type");
    const auto* keys = json::find(s, "x-kubernetes-list-map-keys");
    const bool has_keys = keys && keys->IsArray() && !keys->Empty();
    const auto type = json::get_string(s, "type");
    if (!list.empty() && type != "array")
      add(type.empty()
              ? required(at + ".type", "must be array if x-kubernetes-list-type is specified")
              : invalid_value(at + ".type", quote_go(type),
                              "must be array if x-kubernetes-list-type is specified"));
    if (!list.empty() && list != "atomic" && list != "set" && list != "map")
      add(not_supported(at + ".x-kubernetes-list-type", quote_go(list), {"atomic", "map", "set"}));
    if (list == "map" && !has_keys)
      add(required(at + ".x-kubernetes-list-map-keys",
                   "must not be empty if x-kubernetes-list-type is map"));
    if (has_keys && list != "map")
      add(field_forbidden(at + ".x-kubernetes-list-map-keys",
                          "must be empty if x-kubernetes-list-type is not map"));
    if (list == "map" && has_keys)
      map_keys(s, *keys, at);
    const auto* items = json::find(s, "items");
    if (list == "set" && items && json::get_bool(*items, "nullable"))
      add(field_forbidden(at + ".items.nullable",
                          "cannot be nullable when x-kubernetes-list-type is set"));
  }

  void map_keys(const value& s, const value& keys, const std::string& at) {
    const auto* items = json::find(s, "items");
    if (!items || !items->IsObject())
      return;
    if (json::get_string(*items, "type") != "object")
      add(invalid_value(at + ".items.type", quote_go(json::get_string(*items, "type")),
                        "must be object if parent array's x-kubernetes-list-type is map"));
    std::set<std::string_view> seen;
    const auto* required_names = json::find(*items, "required");
    for (rapidjson::SizeType i = 0; i < keys.Size(); ++i) {
      const auto key = json::as_string(keys[i]);
      const auto where = at + ".x-kubernetes-list-map-keys[" + std::to_string(i) + "]";
      if (!seen.insert(key).second)
        add(duplicate(where, quote_go(key)));
      const auto* properties = json::find(*items, "properties");
      const auto* p = properties ? json::find(*properties, key) : nullptr;
      if (!p) {
        add(invalid_value(where, quote_go(key), "must be the name of a property of the item"));
        continue;
      }
      const auto type = json::get_string(*p, "type");
      const auto inner = at + ".items.properties[" + std::string(key) + "]";
      if (type == "array" || type == "object")
        add(invalid_value(inner + ".type", quote_go(type),
                          "must be a scalar type if parent array's x-kubernetes-list-type is map"));
      const bool named = required_names && required_names->IsArray() &&
                         std::any_of(required_names->Begin(), required_names->End(),
                                     [&](const auto& r) { return json::as_string(r) == key; });
      if (!named && !json::find(*p, "default"))
        add(required(inner + ".default",
                     "this property is in x-kubernetes-list-map-keys, so it must have a default "
                     "or be a required property"));
    }
  }

  void inside(const value& s, const std::string& at, place where) {
    const auto* properties = json::find(s, "properties");
    const bool has_properties = properties && properties->IsObject() && !properties->ObjectEmpty();
    const auto* more = json::find(s, "additionalProperties");
    if (more && has_properties && (more->IsTrue() || more->IsObject()))
      add(field_forbidden(at + ".additionalProperties",
                          "additionalProperties and properties are mutual exclusive"));
    if (more && more->IsFalse())
      add(field_forbidden(at + ".additionalProperties",
                          "additionalProperties cannot be set to false"));
    const auto next = [&](place p) { return where == place::logic ? place::logic : p; };
    if (has_properties)
      for (const auto& m : properties->GetObject()) {
        const auto name = json::as_string(m.name);
        if (where == place::root && name == "metadata")
          continue;
        run(m.value, at + ".properties[" + std::string(name) + "]", next(place::field));
      }
    if (more && more->IsObject())
      run(*more, at + ".additionalProperties", next(place::field));
    if (const auto* items = json::find(s, "items")) {
      if (items->IsArray())
        add(field_forbidden(at + ".items", "items must be a schema object and not an array"));
      else
        run(*items, at + ".items", next(place::item));
    }
  }

  void logic(const value& s, const std::string& at) {
    const bool outer = alternatives_;
    for (auto key : {"allOf", "anyOf", "oneOf"}) {
      const auto* all = json::find(s, key);
      if (!all || !all->IsArray())
        continue;
      // What may be an integer or a string may say so in these words, too.
      alternatives_ = json::get_bool(s, "x-kubernetes-int-or-string") || outer;
      for (rapidjson::SizeType i = 0; i < all->Size(); ++i)
        run((*all)[i], at + "." + key + "[" + std::to_string(i) + "]", place::logic);
      alternatives_ = outer;
    }
    if (const auto* n = json::find(s, "not"))
      run(*n, at + ".not", place::logic);
  }

  /// A default is a value as the schema wants it.
  void default_value(const value& s, const std::string& at) {
    const auto* d = json::find(s, "default");
    if (!d || d->IsNull())
      return;
    auto tree = read_structural(s);
    if (!tree)
      return;
    json::document copy;
    static_cast<value&>(copy) = json::copy(*d, copy.GetAllocator());
    std::vector<std::string> dropped;
    prune(**tree, copy, (*tree)->embedded, &dropped);
    if (!dropped.empty())
      return add(
          invalid_value(at + ".default", json::to_string(*d), "must not have unknown fields"));
    if (!fill_in(**tree, copy, copy.GetAllocator()))
      return add(invalid_value(at + ".default", "\"\"", "unfolds into too many values"));
    judge_at(**tree, copy, at + ".default", f_.causes());
  }

  findings& f_;
  bool alternatives_ = false;
};

} // namespace

void check_schema(const json::value& schema, const std::string& at, findings& f) {
  const auto before = f.size();
  checker{f}.run(schema, at, place::root);
  // Rules are compiled against a schema that makes sense.
  if (f.size() == before)
    (void)cel::rule_set::compile(schema, at, f.causes());
}

} // namespace thespis::api::crd
