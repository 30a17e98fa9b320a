#include "api/patch/object_editor.hpp"

namespace thespis::api::patch {

namespace {

constexpr rapidjson::SizeType scan_limit = 32;

} // namespace

object_editor::object_editor(json::value& obj, json::allocator& a) : obj_(obj), alloc_(a) {
  if (!obj_.IsObject())
    obj_.SetObject();
}

rapidjson::SizeType object_editor::position(std::string_view key) {
  auto n = obj_.MemberCount();
  auto m = obj_.MemberBegin();
  if (!indexed_ && n > scan_limit) {
    for (rapidjson::SizeType i = 0; i < n; ++i)
      index_.emplace(json::as_string(m[i].name), i);
    indexed_ = true;
  }
  if (indexed_) {
    auto it = index_.find(key);
    return it == index_.end() ? none : it->second;
  }
  for (rapidjson::SizeType i = 0; i < n; ++i)
    if (json::as_string(m[i].name) == key)
      return i;
  return none;
}

json::value* object_editor::find(std::string_view key) {
  auto i = position(key);
  if (i == none || (i < erased_.size() && erased_[i]))
    return nullptr;
  return &obj_.MemberBegin()[i].value;
}

void object_editor::put(std::string_view key, json::value v) {
  auto i = position(key);
  if (i == none) {
    if (indexed_)
      index_.emplace(key, obj_.MemberCount());
    obj_.AddMember(json::make_string(key, alloc_), std::move(v), alloc_);
    return;
  }
  if (i < erased_.size())
    erased_[i] = false;
  obj_.MemberBegin()[i].value = std::move(v);
}

void object_editor::erase(std::string_view key) {
  auto i = position(key);
  if (i == none)
    return;
  if (erased_.size() <= i)
    erased_.resize(obj_.MemberCount());
  erased_[i] = true;
  any_erased_ = true;
}

void object_editor::finish() {
  if (!any_erased_)
    return;
  json::value kept(rapidjson::kObjectType);
  rapidjson::SizeType i = 0;
  for (auto m = obj_.MemberBegin(); m != obj_.MemberEnd(); ++m, ++i)
    if (i >= erased_.size() || !erased_[i])
      kept.AddMember(m->name, m->value, alloc_);
  obj_ = std::move(kept);
  index_.clear();
  erased_.clear();
  indexed_ = any_erased_ = false;
}

} // namespace thespis::api::patch
