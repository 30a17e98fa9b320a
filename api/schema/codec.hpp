// JSON to and from the members of generated structs. Decoding takes what fits and leaves the rest
// at its default; whether a request is well-formed is the decoder's business (decode.hpp), so
// nothing here reports errors.
#pragma once

#include "api/json.hpp"
#include "api/schema/box.hpp"
#include "api/schema/scalars.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace thespis::api::codec {

void decode(const json::value& v, std::string& out);
void decode(const json::value& v, bool& out);
void decode(const json::value& v, int32_t& out);
void decode(const json::value& v, int64_t& out);
void decode(const json::value& v, double& out);
void decode(const json::value& v, int_or_string& out);
void decode(const json::value& v, raw_json& out);
void decode(const json::value& v, std::vector<std::string>& out);
void decode(const json::value& v, std::map<std::string, std::string>& out);
void decode(const json::value& v, std::optional<bool>& out);
void decode(const json::value& v, std::optional<int32_t>& out);
void decode(const json::value& v, std::optional<int64_t>& out);
void decode(const json::value& v, std::optional<double>& out);
void decode(const json::value& v, std::optional<int_or_string>& out);
template <class T>
void decode(const json::value& v, std::vector<T>& out);
template <class T>
void decode(const json::value& v, std::map<std::string, T>& out);
template <class T>
void decode(const json::value& v, box<T>& out);

json::value encode(const std::string& x, json::allocator& a);
json::value encode(bool x, json::allocator& a);
json::value encode(int32_t x, json::allocator& a);
json::value encode(int64_t x, json::allocator& a);
json::value encode(double x, json::allocator& a);
json::value encode(const int_or_string& x, json::allocator& a);
json::value encode(const raw_json& x, json::allocator& a);
json::value encode(const std::vector<std::string>& x, json::allocator& a);
json::value encode(const std::map<std::string, std::string>& x, json::allocator& a);
template <class T>
json::value encode(const std::vector<T>& x, json::allocator& a);
template <class T>
json::value encode(const std::map<std::string, T>& x, json::allocator& a);

/// The key of a JSON member.
inline std::string_view key_of(const json::value::Member& m) {
  return {m.name.GetString(), m.name.GetStringLength()};
}

/// Appends a member whose name lives as long as the program.
void append(json::value& obj, std::string_view name, json::value v, json::allocator& a);

template <class T>
void decode(const json::value& v, std::vector<T>& out) {
  out.clear();
  if (!v.IsArray())
    return;
  out.reserve(v.Size());
  for (const auto& e : v.GetArray())
    decode(e, out.emplace_back());
}

template <class T>
void decode(const json::value& v, std::map<std::string, T>& out) {
  out.clear();
  if (!v.IsObject())
    return;
  for (const auto& m : v.GetObject())
    decode(m.value, out[std::string{key_of(m)}]);
}

template <class T>
void decode(const json::value& v, box<T>& out) {
  if (v.IsObject())
    decode(v, out.emplace());
}

template <class T>
json::value encode(const std::vector<T>& x, json::allocator& a) {
  json::value v{rapidjson::kArrayType};
  v.Reserve(static_cast<rapidjson::SizeType>(x.size()), a);
  for (const auto& e : x)
    v.PushBack(encode(e, a), a);
  return v;
}

template <class T>
json::value encode(const std::map<std::string, T>& x, json::allocator& a) {
  json::value v{rapidjson::kObjectType};
  for (const auto& [k, e] : x)
    v.AddMember(json::make_string(k, a), encode(e, a), a);
  return v;
}

/// Appends the member, also when it is empty.
template <class T>
void put_always(json::value& obj, std::string_view name, const T& x, json::allocator& a) {
  append(obj, name, encode(x, a), a);
}

/// Appends the member unless it is empty (for a nested struct: unless it has no members).
template <class T>
void put(json::value& obj, std::string_view name, const T& x, json::allocator& a) {
  if constexpr (requires { x.empty(); }) {
    if (!x.empty())
      append(obj, name, encode(x, a), a);
  } else if constexpr (std::is_same_v<T, raw_json>) {
    if (!x.text.empty())
      append(obj, name, encode(x, a), a);
  } else {
    auto v = encode(x, a);
    if (!v.ObjectEmpty())
      append(obj, name, std::move(v), a);
  }
}
template <class T>
void put(json::value& obj, std::string_view name, const std::optional<T>& x, json::allocator& a) {
  if (x)
    append(obj, name, encode(*x, a), a);
}
template <class T>
void put(json::value& obj, std::string_view name, const box<T>& x, json::allocator& a) {
  if (x)
    append(obj, name, encode(*x, a), a);
}

} // namespace thespis::api::codec
