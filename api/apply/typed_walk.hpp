// The shared parts of walks along values and their types. Internal to api/apply.
#pragma once

#include "api/apply/typed_value.hpp"

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace thespis::api::apply {

/// How a value is taken: as a whole, or by its parts.
enum class form : uint8_t {
  leaf,   ///< a scalar, or a list or an object that is taken as a whole
  set,    ///< a list of distinct scalars
  keyed,  ///< a list of objects told apart by keys
  map,    ///< an object of any members, also one without a schema
  object, ///< an object of declared fields
};

/// The form of `v` (null: of any value) by its type; no type means that the value decides.
inline form form_of(const schema::value_type* t, const json::value* v, bool custom) {
  using schema::shape;
  if (!t || (t->form == shape::any && custom && !t->atomic_map))
    return v && v->IsObject() ? form::map : form::leaf;
  switch (t->form) {
  case shape::object:
    return t->atomic_map || t->object->atomic ? form::leaf : form::object;
  case shape::map:
    return t->atomic_map ? form::leaf : form::map;
  case shape::list:
    return t->list == schema::list_kind::set   ? form::set
           : t->list == schema::list_kind::map ? form::keyed
                                               : form::leaf;
  default:
    return form::leaf;
  }
}

/// A member's type, and whether it is a declared field.
struct member_type {
  const schema::value_type* type = nullptr;
  const schema::field* field = nullptr;
};

inline member_type type_of_member(const schema::value_type* t, std::string_view name) {
  if (!t)
    return {};
  if (t->form == schema::shape::object) {
    const auto* f = t->object->find(name);
    return f ? member_type{&f->type, f} : member_type{};
  }
  return {t->form == schema::shape::map ? t->element.get() : nullptr, nullptr};
}

/// The type of a whole object as that of a value.
inline schema::value_type root_of(const object_type& t) {
  schema::value_type root;
  root.form = t.type ? schema::shape::object : schema::shape::any;
  root.object = t.type;
  return root;
}

/// A list's item, or what keeps it from being told apart.
struct item_name {
  std::optional<path_element> element;
  std::string why;
};

item_name name_item(const schema::value_type& list, form f, const json::value& item);

/// A list's items by name, in their order.
struct named_items {
  std::vector<path_element> order; ///< each name once
  /// The places of each name.
  std::unordered_map<std::string, std::vector<rapidjson::SizeType>> places;
  bool broken = false;

  named_items(const schema::value_type& list, form f, const json::value& items);
  const std::vector<rapidjson::SizeType>* find(const path_element& pe) const {
    const auto it = places.find(pe.bytes());
    return it == places.end() ? nullptr : &it->second;
  }
};

/// Finds members by name: first at the place where it was asked last, in large objects by hash.
class member_finder {
public:
  explicit member_finder(const json::value* object);
  /// Nothing when there is no such member.
  const json::value* find(std::string_view name);

private:
  static constexpr rapidjson::SizeType small = 16;

  const json::value* object_;
  rapidjson::SizeType next_ = 0;
  std::unordered_map<std::string_view, const json::value*> index_;
};

inline bool is_empty(const json::value* v) {
  return !v || v->IsNull() || (v->IsArray() && v->Empty()) || (v->IsObject() && v->ObjectEmpty());
}

} // namespace thespis::api::apply
