#include "api/schema/codec.hpp"

namespace thespis::api::codec {
namespace {

template <class T>
void decode_optional(const json::value& v, std::optional<T>& out, bool fits) {
  if (fits)
    decode(v, out.emplace());
}

} // namespace

void decode(const json::value& v, std::string& out) {
  if (v.IsString())
    out.assign(v.GetString(), v.GetStringLength());
}

void decode(const json::value& v, bool& out) {
  if (v.IsBool())
    out = v.GetBool();
}

void decode(const json::value& v, int32_t& out) {
  if (v.IsInt())
    out = v.GetInt();
}

void decode(const json::value& v, int64_t& out) {
  if (v.IsInt64())
    out = v.GetInt64();
}

void decode(const json::value& v, double& out) {
  if (v.IsNumber())
    out = v.GetDouble();
}

void decode(const json::value& v, int_or_string& out) {
  if (v.IsInt())
    out = v.GetInt();
  else if (v.IsString())
    out = std::string{v.GetString(), v.GetStringLength()};
}

void decode(const json::value& v, raw_json& out) {
  if (!v.IsNull())
    out.text = json::to_string(v);
}

void decode(const json::value& v, std::vector<std::string>& out) {
  out.clear();
  if (!v.IsArray())
    return;
  out.reserve(v.Size());
  for (const auto& e : v.GetArray())
    decode(e, out.emplace_back());
}

void decode(const json::value& v, std::map<std::string, std::string>& out) {
  out.clear();
  if (!v.IsObject())
    return;
  for (const auto& m : v.GetObject())
    decode(m.value, out[std::string{key_of(m)}]);
}

void decode(const json::value& v, std::optional<bool>& out) {
  decode_optional(v, out, v.IsBool());
}

void decode(const json::value& v, std::optional<int32_t>& out) {
  decode_optional(v, out, v.IsInt());
}

void decode(const json::value& v, std::optional<int64_t>& out) {
  decode_optional(v, out, v.IsInt64());
}

void decode(const json::value& v, std::optional<double>& out) {
  decode_optional(v, out, v.IsNumber());
}

void decode(const json::value& v, std::optional<int_or_string>& out) {
  decode_optional(v, out, v.IsInt() || v.IsString());
}

json::value encode(const std::string& x, json::allocator& a) {
  return json::make_string(x, a);
}

json::value encode(bool x, json::allocator&) {
  return json::value{x};
}

json::value encode(int32_t x, json::allocator&) {
  return json::value{x};
}

json::value encode(int64_t x, json::allocator&) {
  return json::value{x};
}

json::value encode(double x, json::allocator&) {
  return json::value{x};
}

json::value encode(const int_or_string& x, json::allocator& a) {
  return x.is_int() ? json::value{x.as_int()} : json::make_string(x.as_string(), a);
}

json::value encode(const raw_json& x, json::allocator& a) {
  const auto doc = json::parse(x.text);
  return doc ? json::copy(*doc, a) : json::value{};
}

json::value encode(const std::vector<std::string>& x, json::allocator& a) {
  json::value v{rapidjson::kArrayType};
  v.Reserve(static_cast<rapidjson::SizeType>(x.size()), a);
  for (const auto& e : x)
    v.PushBack(json::make_string(e, a), a);
  return v;
}

json::value encode(const std::map<std::string, std::string>& x, json::allocator& a) {
  json::value v{rapidjson::kObjectType};
  for (const auto& [k, e] : x)
    v.AddMember(json::make_string(k, a), json::make_string(e, a), a);
  return v;
}

void append(json::value& obj, std::string_view name, json::value v, json::allocator& a) {
  obj.AddMember(
      json::value{rapidjson::StringRef(name.data(), static_cast<rapidjson::SizeType>(name.size()))},
      v, a);
}

} // namespace thespis::api::codec
