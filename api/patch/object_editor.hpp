// Many edits of one JSON object in O(log n) each, where RapidJSON's own are linear.
#pragma once

#include "api/json.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::patch {

/// Edits the members of one object. Erased members stay until `finish`, so that a patch of as many
/// keys as the request limit allows stays cheap. Nothing else may touch the object meanwhile, but
/// values returned by `find` may be changed; they are valid until the next `put`.
class object_editor {
public:
  /// `obj` is made an empty object when it is none.
  object_editor(json::value& obj, json::allocator& a);

  /// The member's value, or nullptr.
  json::value* find(std::string_view key);
  /// Replaces the member's value, or appends the member.
  void put(std::string_view key, json::value v);
  void erase(std::string_view key);
  /// Removes what was erased. Members keep their order.
  void finish();

private:
  rapidjson::SizeType position(std::string_view key);

  static constexpr rapidjson::SizeType none = ~rapidjson::SizeType{0};

  json::value& obj_;
  json::allocator& alloc_;
  /// Positions by key, for objects large enough that scanning them would hurt. Keys are copied:
  /// RapidJSON keeps short strings inside the members, which move when the object grows.
  std::map<std::string, rapidjson::SizeType, std::less<>> index_;
  bool indexed_ = false;
  std::vector<bool> erased_;
  bool any_erased_ = false;
};

} // namespace thespis::api::patch
