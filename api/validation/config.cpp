#include "api/validation/config.hpp"

#include "api/text/base64.hpp"
#include "api/validation/access.hpp"

#include <unordered_set>

namespace thespis::api {

namespace {

constexpr size_t max_bytes = 1024 * 1024;

size_t decoded_size(std::string_view base64) {
  size_t padding = base64.ends_with("==") ? 2 : base64.ends_with('=') ? 1 : 0;
  return base64.size() / 4 * 3 - (base64.empty() ? 0 : padding);
}

size_t total_size(const json::value& obj, std::string_view key, bool base64) {
  size_t n = 0;
  each_member(obj, key, [&](std::string_view, const json::value& v) {
    n += base64 ? decoded_size(json::as_string(v)) : json::as_string(v).size();
  });
  return n;
}

/// What is immutable stays so, with all it holds.
void check_immutable(const json::value& now, const json::value& old,
                     std::initializer_list<std::string_view> fields, findings& f) {
  if (!json::get_bool(old, "immutable"))
    return;
  if (!json::get_bool(now, "immutable"))
    f.forbidden(path("immutable"), "field is immutable when `immutable` is set");
  for (auto key : fields) {
    const auto& a = member(now, key);
    const auto& b = member(old, key);
    if (!json::equal(a, b) && (filled(a) || filled(b)))
      f.forbidden(path(key), "field is immutable when `immutable` is set");
  }
}

void need_key(const json::value& secret, std::string_view key, findings& f) {
  path data("data");
  if (!json::find(member(secret, "data"), key))
    f.required(path::key(data, key));
}

/// What each well-known type of Secret must hold.
void check_type(const json::value& secret, findings& f) {
  auto type = text(secret, "type");
  path data("data");
  if (type == "kubernetes.io/service-account-token") {
    path annotations("metadata.annotations");
    std::string_view name = "kubernetes.io/service-account.name";
    if (text(member(member(secret, "metadata"), "annotations"), name).empty())
      f.required(path::key(annotations, name));
  } else if (type == "kubernetes.io/dockercfg" || type == "kubernetes.io/dockerconfigjson") {
    std::string_view key = type == "kubernetes.io/dockercfg" ? ".dockercfg" : ".dockerconfigjson";
    need_key(secret, key, f);
    auto bytes = decode_base64(text(member(secret, "data"), key));
    if (json::find(member(secret, "data"), key) && (!bytes || !json::parse(*bytes)))
      f.invalid(path::key(data, key), "<secret contents redacted>", "invalid character");
  } else if (type == "kubernetes.io/basic-auth") {
    const auto& d = member(secret, "data");
    if (!json::find(d, "username") && !json::find(d, "password")) {
      f.required(path::key(data, "username"));
      f.required(path::key(data, "password"));
    }
  } else if (type == "kubernetes.io/ssh-auth") {
    need_key(secret, "ssh-privatekey", f);
  } else if (type == "kubernetes.io/tls") {
    need_key(secret, "tls.crt", f);
    need_key(secret, "tls.key", f);
  }
}

} // namespace

void validate_config_map(const json::value& map, findings& f) {
  std::unordered_set<std::string_view> plain;
  each_member(map, "data", [&](std::string_view key, const json::value&) { plain.insert(key); });
  each_member(map, "binaryData", [&](std::string_view key, const json::value&) {
    if (plain.contains(key)) {
      path data("data");
      f.invalid(path::key(data, key), key, "duplicate of key present in binaryData");
    }
  });
  // Both together count, and the message names no field of them.
  if (total_size(map, "data", false) + total_size(map, "binaryData", true) > max_bytes)
    f.too_long(path(""), max_bytes);
}

void validate_config_map_update(const json::value& map, const json::value& old, findings& f) {
  check_immutable(map, old, {"data", "binaryData"}, f);
}

void validate_secret(const json::value& secret, findings& f) {
  if (total_size(secret, "data", true) > max_bytes)
    f.too_long(path("data"), max_bytes);
  check_type(secret, f);
}

void validate_secret_update(const json::value& secret, const json::value& old, findings& f) {
  check_immutable(secret, old, {"data"}, f);
}

} // namespace thespis::api
