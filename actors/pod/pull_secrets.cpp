#include "actors/pod/pull_secrets.hpp"

#include "api/generated/core_v1_config.hpp"
#include "api/json.hpp"
#include "api/object/typed.hpp"
#include "api/text/base64.hpp"

#include <re2/re2.h>

#include <fnmatch.h>

#include <algorithm>
#include <map>

namespace thespis::actors {

namespace {

using entries =
    std::map<std::string, runtime::registry_auth, std::greater<>>; // longest match first

/// HOST[:PORT] and what follows it, of "https://host:5000/v1/", "host/path" or an image.
struct location {
  std::string host;
  std::string port;
  std::string path; ///< empty, or begins with a slash
};

location read_location(std::string text) {
  if (const auto scheme = text.find("://"); scheme != std::string::npos)
    text.erase(0, scheme + 3);
  location res;
  if (const auto slash = text.find('/'); slash != std::string::npos) {
    res.path = text.substr(slash);
    text.erase(slash);
  }
  if (const auto colon = text.rfind(':'); colon != std::string::npos) {
    res.port = text.substr(colon + 1);
    text.erase(colon);
  }
  res.host = std::move(text);
  return res;
}

std::vector<std::string> parts_of(const std::string& host) {
  std::vector<std::string> res{""};
  for (const char c : host)
    if (c == '.')
      res.emplace_back();
    else
      res.back() += c;
  return res;
}

/// Each part of the host is a pattern for one part, the port is the same, the path begins alike.
bool matches(const location& pattern, const location& target) {
  const auto a = parts_of(pattern.host);
  const auto b = parts_of(target.host);
  if (pattern.port != target.port || a.size() != b.size() || !target.path.starts_with(pattern.path))
    return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (fnmatch(a[i].c_str(), b[i].c_str(), 0) != 0)
      return false;
  return true;
}

/// Whether the image lies where images lie that name no registry.
bool in_default_registry(const std::string& image) {
  const auto slash = image.find('/');
  if (slash == std::string::npos)
    return true;
  const auto first = image.substr(0, slash);
  return first == "docker.io" || first == "index.docker.io" ||
         first.find_first_of(".:") == std::string::npos;
}

void read_entries(const api::json::value& list, entries& out) {
  if (!list.IsObject())
    return;
  for (const auto& m : list.GetObject()) {
    if (!m.value.IsObject())
      continue;
    runtime::registry_auth a;
    a.username = api::json::get_string(m.value, "username");
    a.password = api::json::get_string(m.value, "password");
    const auto both = api::decode_base64(api::json::get_string(m.value, "auth")).value_or("");
    if (const auto colon = both.find(':'); colon != std::string::npos) {
      a.username = both.substr(0, colon);
      a.password = both.substr(colon + 1);
      while (a.password.ends_with('\0'))
        a.password.pop_back();
    }
    auto at = read_location({m.name.GetString(), m.name.GetStringLength()});
    for (const char* version : {"/v1/", "/v2/"})
      if (at.path.starts_with(version))
        at.path.erase(0, 3);
    auto key = at.host + (at.port.empty() ? "" : ":" + at.port) + (at.path == "/" ? "" : at.path);
    if (!at.host.empty())
      out.try_emplace(std::move(key), std::move(a));
  }
}

bool read_secret(const api::reader& state, const std::string& ns, const std::string& name,
                 entries& out) {
  const auto object = state.get("secrets", ns, name);
  if (!object)
    return false;
  const auto secret = api::typed<api::v1::secret>(*object);
  const auto content = [&](const char* key) {
    const auto i = secret->data.find(key);
    return i == secret->data.end() ? std::string{} : api::decode_base64(i->second).value_or("");
  };
  if (const auto text = content(".dockerconfigjson"); !text.empty()) {
    const auto doc = api::json::parse(text);
    if (const auto* auths = doc ? api::json::find(*doc, "auths") : nullptr)
      read_entries(*auths, out);
  } else if (const auto old = content(".dockercfg"); !old.empty()) {
    if (const auto doc = api::json::parse(old))
      read_entries(*doc, out);
  }
  return true;
}

const re2::RE2& reference_pattern() {
  static const auto* pattern = [] {
    const std::string label = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
    const std::string domain = label + "(?:\\." + label + ")*(?::[0-9]+)?";
    const std::string part = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
    return new re2::RE2("(?:" + domain + "/)?(?:" + part + ")(?:/" + part +
                        ")*(?::[\\w][\\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z]"
                        "[A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?");
  }();
  return *pattern;
}

std::string lower(std::string s) {
  std::transform(s.begin(), s.end(), s.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return s;
}

/// The repository without its registry, tag and digest, as errors name it.
std::string repository_of(const std::string& image) {
  const auto slash = image.find('/');
  const bool has_domain =
      slash != std::string::npos &&
      (image.find_first_of(".:") < slash || image.substr(0, slash) == "localhost" ||
       lower(image.substr(0, slash)) != image.substr(0, slash));
  auto rest = has_domain ? image.substr(slash + 1) : image;
  rest = rest.substr(0, rest.find_first_of(":@"));
  return !has_domain && rest.find('/') == std::string::npos ? "library/" + rest : rest;
}

} // namespace

pull_secrets find_pull_secrets(const api::v1::pod& pod, const std::string& image,
                               const api::reader& state) {
  pull_secrets res;
  entries all;
  for (const auto& s : pod.spec.image_pull_secrets)
    if (!s.name.empty() && !read_secret(state, pod.metadata.namespace_, s.name, all))
      res.missing.push_back(s.name);
  const auto target = read_location(image);
  for (const auto& [key, auth] : all) {
    // What follows a colon in an image without a path is a tag.
    if (image.find('/') != std::string::npos && matches(read_location(key), target))
      res.credentials.push_back(auth);
  }
  if (res.credentials.empty() && in_default_registry(image))
    for (const auto* key : {"index.docker.io", "docker.io"})
      if (const auto i = all.find(key); i != all.end() && res.credentials.empty())
        res.credentials.push_back(i->second);
  return res;
}

std::optional<std::string> image_name_error(const std::string& image) {
  if (re2::RE2::FullMatch(image, reference_pattern()))
    return std::nullopt;
  std::string why = "invalid reference format";
  if (const auto name = repository_of(image);
      name != lower(name) && re2::RE2::FullMatch(lower(image), reference_pattern()))
    why += ": repository name (" + name + ") must be lowercase";
  return "Failed to apply default image tag \"" + image + "\": couldn't parse image name \"" +
         image + "\": " + why;
}

} // namespace thespis::actors
