#include "api/apply/typed_walk.hpp"

#include "api/text/quote.hpp"

namespace thespis::api::apply {

namespace {

/// A default of a key field, parsed.
std::optional<json::document> default_of_key(const schema::value_type& list,
                                             std::string_view name) {
  if (!list.element || list.element->form != schema::shape::object)
    return std::nullopt;
  const auto* f = list.element->object->find(name);
  if (!f || f->default_json.empty())
    return std::nullopt;
  auto doc = json::parse(f->default_json);
  if (!doc)
    return std::nullopt;
  return std::move(*doc);
}

item_name name_keyed(const schema::value_type& list, const json::value& item) {
  if (item.IsNull())
    return {{}, "associative list with keys may not have a null element"};
  if (!item.IsObject())
    return {{}, "associative list with keys may not have non-map elements"};
  std::vector<path_element::key_field> fields;
  std::vector<json::document> defaults;
  defaults.reserve(list.list_keys.size());
  for (const auto& name : list.list_keys) {
    if (const auto* v = json::find(item, name)) {
      fields.emplace_back(name, v);
      continue;
    }
    auto d = default_of_key(list, name);
    if (!d)
      return {{},
              "associative list with keys has an element that omits key field " + quote_go(name) +
                  " (and doesn't have default value)"};
    defaults.push_back(std::move(*d));
    fields.emplace_back(name, &defaults.back());
  }
  return {path_element::key(std::move(fields)), {}};
}

} // namespace

item_name name_item(const schema::value_type& list, form f, const json::value& item) {
  if (f == form::keyed)
    return name_keyed(list, item);
  if (item.IsObject())
    return {{}, "associative list without keys has an element that's a map type"};
  if (item.IsArray())
    return {{}, "not supported: associative list with lists as elements"};
  if (item.IsNull())
    return {{}, "associative list without keys has an element that's an explicit null"};
  return {path_element::value(item), {}};
}

named_items::named_items(const schema::value_type& list, form f, const json::value& items) {
  if (!items.IsArray())
    return;
  order.reserve(items.Size());
  places.reserve(items.Size());
  for (rapidjson::SizeType i = 0; i < items.Size(); ++i) {
    auto name = name_item(list, f, items[i]);
    if (!name.element) {
      broken = true;
      continue;
    }
    auto& at = places[name.element->bytes()];
    at.push_back(i);
    if (at.size() == 1)
      order.push_back(std::move(*name.element));
  }
}

member_finder::member_finder(const json::value* object)
    : object_(object && object->IsObject() ? object : nullptr) {
  if (!object_ || object_->MemberCount() <= small)
    return;
  index_.reserve(object_->MemberCount());
  for (const auto& m : object_->GetObject())
    index_.emplace(json::as_string(m.name), &m.value);
}

const json::value* member_finder::find(std::string_view name) {
  if (!object_ || object_->MemberCount() == 0)
    return nullptr;
  if (next_ < object_->MemberCount()) {
    const auto m = object_->MemberBegin() + next_;
    if (json::as_string(m->name) == name) {
      ++next_;
      return &m->value;
    }
  }
  if (!index_.empty()) {
    const auto it = index_.find(name);
    return it == index_.end() ? nullptr : it->second;
  }
  rapidjson::SizeType i = 0;
  for (const auto& m : object_->GetObject()) {
    ++i;
    if (json::as_string(m.name) == name) {
      next_ = i;
      return &m.value;
    }
  }
  return nullptr;
}

} // namespace thespis::api::apply
