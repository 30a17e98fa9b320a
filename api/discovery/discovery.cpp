#include "api/discovery/discovery.hpp"

#include "api/discovery/priorities.hpp"
#include "api/json.hpp"
#include "api/text/base64.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>

#include <openssl/sha.h>

namespace thespis::api::discovery {

namespace {

class writer {
public:
  writer() : json_(buffer_) {}

  void open() { json_.StartObject(); }
  void close() { json_.EndObject(); }
  void open_array(std::string_view k) {
    key(k);
    json_.StartArray();
  }
  void close_array() { json_.EndArray(); }
  void key(std::string_view k) { json_.Key(k.data(), static_cast<rapidjson::SizeType>(k.size())); }
  void string(std::string_view s) {
    json_.String(s.empty() ? "" : s.data(), static_cast<rapidjson::SizeType>(s.size()));
  }
  void member(std::string_view k, std::string_view s) {
    key(k);
    string(s);
  }
  void boolean(std::string_view k, bool b) {
    key(k);
    json_.Bool(b);
  }
  void strings(std::string_view k, const std::vector<std::string>& values) {
    open_array(k);
    for (const auto& v : values)
      string(v);
    close_array();
  }
  void optional(std::string_view k, const std::vector<std::string>& values) {
    if (!values.empty())
      strings(k, values);
  }
  std::string take() { return {buffer_.GetString(), buffer_.GetSize()}; }

private:
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> json_;
};

struct version_resources {
  std::string version;
  std::vector<schema::resource_ptr> resources;
  const foreign_version* foreign = nullptr; ///< who describes it, when we do not
};

struct api_group {
  std::string name;
  int64_t priority = 0;
  std::vector<version_resources> versions; ///< preferred first
};

/// The registry's resources by group and version, and what others answer for; groups by priority,
/// versions in the registry's order.
std::vector<api_group> groups_of(const schema::registry& r, const foreign_versions& foreign = {}) {
  std::vector<api_group> groups;
  for (auto& resource : r.resources()) {
    auto g = std::find_if(groups.begin(), groups.end(),
                          [&](const auto& x) { return x.name == resource->group; });
    if (g == groups.end())
      g = groups.insert(groups.end(),
                        api_group{resource->group, priority_of(resource->group, "").group, {}});
    auto v = std::find_if(g->versions.begin(), g->versions.end(),
                          [&](const auto& x) { return x.version == resource->version; });
    if (v == g->versions.end())
      v = g->versions.insert(g->versions.end(), version_resources{resource->version, {}, nullptr});
    v->resources.push_back(std::move(resource));
  }
  for (const auto& f : foreign) {
    auto g = std::find_if(groups.begin(), groups.end(),
                          [&](const auto& x) { return x.name == f.group; });
    if (g == groups.end())
      g = groups.insert(groups.end(), api_group{f.group, f.group_priority, {}});
    std::erase_if(g->versions, [&](const auto& v) { return v.version == f.version; });
    g->versions.push_back({f.version, {}, &f});
  }
  std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) {
    return a.priority != b.priority ? a.priority > b.priority : a.name < b.name;
  });
  return groups;
}

std::string group_version(std::string_view group, std::string_view version) {
  return group.empty() ? std::string(version) : std::string(group) + "/" + std::string(version);
}

void write_version(writer& w, const api_group& g, const version_resources& v) {
  w.open();
  w.member("groupVersion", group_version(g.name, v.version));
  w.member("version", v.version);
  w.close();
}

void write_group(writer& w, const api_group& g) {
  w.member("name", g.name);
  w.open_array("versions");
  for (const auto& v : g.versions)
    write_version(w, g, v);
  w.close_array();
  w.key("preferredVersion");
  write_version(w, g, g.versions.front());
}

void write_subresource(writer& w, const schema::resource& r, const schema::subresource& s) {
  w.open();
  w.member("name", r.plural + "/" + s.name);
  w.member("singularName", "");
  w.boolean("namespaced", r.namespaced);
  if (s.group != r.group || s.version != r.version) {
    w.member("group", s.group);
    w.member("version", s.version);
  }
  w.member("kind", s.kind);
  w.strings("verbs", s.verbs);
  w.close();
}

/// Tells clients whether what is stored was written in another version than before: the first
/// bytes of a digest, as Kubernetes makes it.
std::string storage_version_hash(const schema::resource& r) {
  const auto stored = r.versions ? r.versions->stored : r.api_version();
  const auto slash = stored.find('/');
  const auto group = slash == stored.npos ? std::string{} : stored.substr(0, slash);
  const auto text =
      group + "/" + stored.substr(slash == stored.npos ? 0 : slash + 1) + "/" + r.kind;
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  constexpr size_t shown = 8;
  return encode_base64({reinterpret_cast<const char*>(digest), shown});
}

void write_resource(writer& w, const schema::resource& r) {
  w.open();
  w.member("name", r.plural);
  w.member("singularName", r.singular);
  w.boolean("namespaced", r.namespaced);
  w.member("kind", r.kind);
  w.strings("verbs", r.verbs);
  w.optional("shortNames", r.short_names);
  w.optional("categories", r.categories);
  if (r.has_verb("create") && r.has_verb("watch"))
    w.member("storageVersionHash", storage_version_hash(r));
  w.close();
}

void write_response_kind(writer& w, std::string_view group, std::string_view version,
                         std::string_view kind) {
  w.key("responseKind");
  w.open();
  w.member("group", group);
  w.member("version", version);
  w.member("kind", kind);
  w.close();
}

void write_discovery(writer& w, const schema::resource& r) {
  w.open();
  w.member("resource", r.plural);
  write_response_kind(w, r.group, r.version, r.kind);
  w.member("scope", r.namespaced ? "Namespaced" : "Cluster");
  w.member("singularResource", r.singular);
  w.strings("verbs", r.verbs);
  w.optional("shortNames", r.short_names);
  w.optional("categories", r.categories);
  if (!r.subresources.empty()) {
    w.open_array("subresources");
    for (const auto& s : r.subresources) {
      w.open();
      w.member("subresource", s.name);
      write_response_kind(w, s.group, s.version, s.kind);
      w.strings("verbs", s.verbs);
      w.close();
    }
    w.close_array();
  }
  w.close();
}

std::vector<std::string> strings_of(const json::value& of, std::string_view key) {
  std::vector<std::string> out;
  if (const auto* all = json::find(of, key); all && all->IsArray())
    for (const auto& s : all->GetArray())
      out.emplace_back(json::as_string(s));
  return out;
}

void write_foreign_kind(writer& w, const foreign_version& f, const json::value& r) {
  const auto own = [&](std::string_view key, const std::string& otherwise) {
    const auto s = json::get_string(r, key);
    return s.empty() ? otherwise : std::string(s);
  };
  write_response_kind(w, own("group", f.group), own("version", f.version),
                      json::get_string(r, "kind"));
}

/// The subresources of one resource, which a plain list has among the resources.
void write_foreign_subresources(writer& w, const foreign_version& f, const json::value& all,
                                std::string_view resource) {
  bool any = false;
  for (const auto& r : all.GetArray()) {
    const auto name = json::get_string(r, "name");
    if (!name.starts_with(std::string(resource) + "/"))
      continue;
    if (!std::exchange(any, true))
      w.open_array("subresources");
    w.open();
    w.member("subresource", name.substr(resource.size() + 1));
    write_foreign_kind(w, f, r);
    w.strings("verbs", strings_of(r, "verbs"));
    w.close();
  }
  if (any)
    w.close_array();
}

/// What another server says in a plain APIResourceList, as resources of aggregated discovery.
void write_foreign(writer& w, const foreign_version& f) {
  const auto doc = json::parse(f.resources);
  const auto* all = doc ? json::find(*doc, "resources") : nullptr;
  if (!all || !all->IsArray())
    return;
  for (const auto& r : all->GetArray()) {
    const auto name = json::get_string(r, "name");
    if (name.empty() || name.find('/') != name.npos)
      continue;
    const auto* namespaced = json::find(r, "namespaced");
    w.open();
    w.member("resource", name);
    write_foreign_kind(w, f, r);
    w.member("scope", namespaced && namespaced->IsBool() && namespaced->GetBool() ? "Namespaced"
                                                                                  : "Cluster");
    w.member("singularResource", json::get_string(r, "singularName"));
    w.strings("verbs", strings_of(r, "verbs"));
    w.optional("shortNames", strings_of(r, "shortNames"));
    w.optional("categories", strings_of(r, "categories"));
    write_foreign_subresources(w, f, *all, name);
    w.close();
  }
}

} // namespace

std::string core_versions(std::string_view server_address) {
  writer w;
  w.open();
  w.member("kind", "APIVersions");
  w.strings("versions", {"v1"});
  w.open_array("serverAddressByClientCIDRs");
  w.open();
  w.member("clientCIDR", "0.0.0.0/0");
  w.member("serverAddress", server_address);
  w.close();
  w.close_array();
  w.close();
  return w.take();
}

std::string group_list(const schema::registry& r, const foreign_versions& foreign) {
  writer w;
  w.open();
  w.member("kind", "APIGroupList");
  w.member("apiVersion", "v1");
  w.open_array("groups");
  for (const auto& g : groups_of(r, foreign)) {
    if (g.name.empty())
      continue;
    w.open();
    write_group(w, g);
    w.close();
  }
  w.close_array();
  w.close();
  return w.take();
}

std::optional<std::string> group(const schema::registry& r, std::string_view name,
                                 const foreign_versions& foreign) {
  for (const auto& g : groups_of(r, foreign)) {
    if (g.name != name || name.empty())
      continue;
    writer w;
    w.open();
    w.member("kind", "APIGroup");
    w.member("apiVersion", "v1");
    write_group(w, g);
    w.close();
    return w.take();
  }
  return std::nullopt;
}

std::optional<std::string> resource_list(const schema::registry& r, std::string_view group,
                                         std::string_view version) {
  writer w;
  w.open();
  w.member("kind", "APIResourceList");
  w.member("apiVersion", "v1");
  w.member("groupVersion", group_version(group, version));
  w.open_array("resources");
  bool found = false;
  for (const auto& resource : r.resources()) {
    if (resource->group != group || resource->version != version)
      continue;
    found = true;
    write_resource(w, *resource);
    for (const auto& s : resource->subresources)
      write_subresource(w, *resource, s);
  }
  w.close_array();
  w.close();
  if (!found)
    return std::nullopt;
  return w.take();
}

std::string aggregated(const schema::registry& r, bool core, std::string_view version,
                       const foreign_versions& foreign) {
  writer w;
  w.open();
  w.member("kind", "APIGroupDiscoveryList");
  w.member("apiVersion", "apidiscovery.k8s.io/" + std::string(version));
  w.key("metadata");
  w.open();
  w.close();
  w.open_array("items");
  for (const auto& g : groups_of(r, foreign)) {
    if (g.name.empty() != core)
      continue;
    w.open();
    w.key("metadata");
    w.open();
    if (!core)
      w.member("name", g.name);
    w.close();
    w.open_array("versions");
    for (const auto& v : g.versions) {
      w.open();
      w.member("version", v.version);
      w.open_array("resources");
      for (const auto& resource : v.resources)
        write_discovery(w, *resource);
      if (v.foreign)
        write_foreign(w, *v.foreign);
      w.close_array();
      w.member("freshness", v.foreign && !v.foreign->current ? "Stale" : "Current");
      w.close();
    }
    w.close_array();
    w.close();
  }
  w.close_array();
  w.close();
  return w.take();
}

std::string paths(const schema::registry& r, const foreign_versions& foreign) {
  std::vector<std::string> all = {"/api",    "/apis",    "/healthz",    "/livez",     "/metrics",
                                  "/readyz", "/version", "/openapi/v2", "/openapi/v3"};
  for (const auto& g : groups_of(r, foreign)) {
    if (!g.name.empty())
      all.push_back("/apis/" + g.name);
    for (const auto& v : g.versions)
      all.push_back(g.name.empty() ? "/api/" + v.version : "/apis/" + g.name + "/" + v.version);
  }
  std::sort(all.begin(), all.end());
  writer w;
  w.open();
  w.strings("paths", all);
  w.close();
  return w.take();
}

} // namespace thespis::api::discovery
