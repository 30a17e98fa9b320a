#include "api/openapi/openapi.hpp"

#include "api/json.hpp"
#include "api/openapi/json_writer.hpp"
#include "api/openapi/model.hpp"
#include "api/openapi/protobuf_writer.hpp"

#include <openssl/sha.h>

#include <set>

namespace thespis::api::openapi {

namespace {

constexpr std::string_view title = "Kubernetes";
constexpr std::string_view api_version = "v1.34.0";

std::string group_version_path(const schema::resource& r) {
  return (r.group.empty() ? "api/" : "apis/" + r.group + "/") + r.version;
}

/// "api/v1" or "apis/apps/v1" as a scope. False when it is neither.
bool read_scope(std::string_view text, scope& s) {
  s.all = false;
  if (text.substr(0, 4) == "api/") {
    s.version = text.substr(4);
    return s.version.find('/') == std::string::npos;
  }
  if (text.substr(0, 5) != "apis/")
    return false;
  text.remove_prefix(5);
  size_t slash = text.find('/');
  if (slash == text.npos)
    return false;
  s.group = text.substr(0, slash);
  s.version = text.substr(slash + 1);
  return !s.group.empty() && s.version.find('/') == std::string::npos;
}

void write_info(json_writer& w) {
  w.open("info");
  w.member("title", title);
  w.member("version", api_version);
  w.close();
}

} // namespace

std::string v2_json(const schema::registry& r, const foreign_parts& foreign) {
  auto resources = resources_of(r, {});
  json_writer w(dialect::v2);
  w.open();
  w.member("swagger", "2.0");
  write_info(w);
  w.open("paths");
  std::set<std::string, std::less<>> own;
  for_paths(r, resources, [&](const path& p) {
    w.path_item(p);
    own.insert(p.name);
  });
  for_foreign(foreign, "paths", [&](std::string_view name, const json::value& item) {
    if (!own.contains(name))
      w.raw(name, json::to_string(item));
  });
  w.close();
  w.open("definitions");
  own.clear();
  for_definitions(r, resources, true, [&](const std::string& name, const node& n) {
    w.definition(name, n);
    own.insert(name);
  });
  for_foreign(foreign, "definitions", [&](std::string_view name, const json::value& d) {
    if (!own.contains(name))
      w.raw(name, json::to_string(d));
  });
  w.close();
  w.close();
  return w.take();
}

std::string v2_protobuf(const schema::registry& r, const foreign_parts& foreign) {
  // Field numbers of openapi.v2.Document, Info, Paths and Definitions.
  constexpr unsigned swagger = 1, info = 2, paths = 8, definitions = 9;
  constexpr unsigned info_title = 1, info_version = 2, path_list = 2, definition_list = 1;
  auto resources = resources_of(r, {});
  message document;
  document.text(swagger, "2.0");
  message about;
  about.text(info_title, title);
  about.text(info_version, api_version);
  document.child(info, about);
  message all_paths;
  std::set<std::string, std::less<>> own;
  for_paths(r, resources, [&](const path& p) {
    all_paths.child(path_list, named_path(p));
    own.insert(p.name);
  });
  for_foreign(foreign, "paths", [&](std::string_view name, const json::value& item) {
    if (!own.contains(name))
      all_paths.child(path_list, named_path(path_of(name, item)));
  });
  own.clear();
  document.child(paths, all_paths);
  message all_definitions;
  for_definitions(r, resources, true, [&](const std::string& name, const node& n) {
    all_definitions.child(definition_list, named_schema(name, n));
    own.insert(name);
  });
  for_foreign(foreign, "definitions", [&](std::string_view name, const json::value& d) {
    if (!own.contains(name))
      all_definitions.child(definition_list, named_schema(name, node_of(d)));
  });
  document.child(definitions, all_definitions);
  return document.bytes();
}

std::string v3_index(const schema::registry& r, const foreign_paths& foreign) {
  std::string out = "{\"paths\":{";
  std::set<std::string> seen;
  const auto add = [&](const std::string& path, const std::string& url) {
    out += (seen.size() > 1 ? "," : "") + json::quote(path) +
           ":{\"serverRelativeURL\":" + json::quote(url) + "}";
  };
  for (const auto& [path, url] : foreign)
    if (seen.insert(path).second)
      add(path, url);
  for (const auto& resource : r.resources()) {
    auto path = group_version_path(*resource);
    if (seen.insert(path).second)
      add(path, "/openapi/v3/" + path + "?hash=" + hash_of(v3(r, path).value_or("")));
  }
  return out + "}}";
}

bool has_v3(const schema::registry& r, std::string_view group_version) {
  scope s;
  return read_scope(group_version, s) && !resources_of(r, s).empty();
}

std::optional<std::string> v3(const schema::registry& r, std::string_view group_version) {
  scope s;
  if (!read_scope(group_version, s))
    return std::nullopt;
  auto resources = resources_of(r, s);
  if (resources.empty())
    return std::nullopt;
  json_writer w(dialect::v3);
  w.open();
  w.member("openapi", "3.0.0");
  write_info(w);
  w.open("paths");
  for_paths(r, resources, [&](const path& p) { w.path_item(p); });
  w.close();
  w.open("components");
  w.open("schemas");
  for_definitions(r, resources, false,
                  [&](const std::string& name, const node& n) { w.definition(name, n); });
  w.close();
  w.close();
  w.close();
  return w.take();
}

std::string hash_of(std::string_view document) {
  unsigned char digest[SHA512_DIGEST_LENGTH];
  SHA512(reinterpret_cast<const unsigned char*>(document.data()), document.size(), digest);
  std::string out;
  for (unsigned char c : digest) {
    out += "0123456789ABCDEF"[c >> 4];
    out += "0123456789ABCDEF"[c & 15];
  }
  return out;
}

} // namespace thespis::api::openapi
