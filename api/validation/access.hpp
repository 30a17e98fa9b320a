// Reading JSON values in validation: missing members read as null, and lists visit with their
// paths. Nothing here asserts, whatever the document holds.
#pragma once

#include "api/text/names.hpp"
#include "api/validation/findings.hpp"

namespace thespis::api {

/// The member, or null.
inline const json::value& member(const json::value& v, std::string_view key) {
  static const json::value none;
  const auto* m = json::find(v, key);
  return m ? *m : none;
}

inline std::string_view text(const json::value& v, std::string_view key) {
  return json::get_string(v, key);
}

/// Present and not null.
inline bool has(const json::value& v, std::string_view key) {
  return !member(v, key).IsNull();
}

/// A list or map with something in it.
inline bool filled(const json::value& v) {
  return (v.IsArray() && !v.Empty()) || (v.IsObject() && !v.ObjectEmpty());
}

/// The number of items of a list or members of a map.
inline size_t count(const json::value& v) {
  return v.IsArray() ? v.Size() : v.IsObject() ? v.MemberCount() : 0;
}

/// Calls f(item, path) for every item of the list obj.key.
template <class F>
void each(const json::value& obj, std::string_view key, const path& at, F f) {
  const auto& v = member(obj, key);
  if (!v.IsArray())
    return;
  path list(at, key);
  for (rapidjson::SizeType i = 0; i < v.Size(); ++i) {
    path item(list, i);
    f(v[i], item);
  }
}

/// Calls f(key, value) for every member of the map obj.key.
template <class F>
void each_member(const json::value& obj, std::string_view key, F f) {
  const auto& v = member(obj, key);
  if (v.IsObject())
    for (const auto& m : v.GetObject())
      f(json::as_string(m.name), m.value);
}

/// One Invalid for each complaint.
inline void complain(findings& f, const path& at, std::string_view v, const complaints& why) {
  for (const auto& w : why)
    f.invalid(at, v, w);
}
inline void complain(findings& f, const path& at, int64_t v, const complaints& why) {
  for (const auto& w : why)
    f.invalid(at, v, w);
}

/// Refuses a change of obj.key.
inline void immutable(findings& f, const json::value& now, const json::value& before,
                      std::string_view key, const path& at) {
  if (!json::equal(member(now, key), member(before, key)))
    f.invalid(path(at, key), member(now, key), "field is immutable");
}

} // namespace thespis::api
