#include "runtime/link/access.hpp"

#include "api/json.hpp"
#include "api/text/base64.hpp"
#include "api/yaml.hpp"

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace thespis::runtime::link {

namespace json = api::json;

namespace {

tl::unexpected<api::error> wrong(std::string message) {
  return api::fail(api::bad_request(std::move(message)));
}

api::result<std::string> read_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in) {
    return api::fail(api::reason::not_found, "cannot read " + path);
  }
  return std::string{std::istreambuf_iterator<char>{in}, {}};
}

/// The entry of that name, and in it what `what` is: {clusters: [{name, cluster: {…}}]}.
const json::value* entry(const json::value& doc, std::string_view list, std::string_view name,
                         std::string_view what) {
  const auto* all = json::find(doc, list);
  if (all != nullptr && all->IsArray())
    for (const auto& e : all->GetArray())
      if (json::get_string(e, "name") == name)
        return json::find(e, what);
  return nullptr;
}

std::string resolved(const std::string& path, const std::string& folder) {
  return path.empty() || path.front() == '/' ? path : folder + path;
}

/// The text behind KEY-data, else in the file behind KEY; empty when there is neither.
api::result<std::string> material(const json::value& from, const std::string& key,
                                  const std::string& folder) {
  if (const auto data = json::get_string(from, key + "-data"); !data.empty()) {
    auto text = api::decode_base64(data);
    return text ? api::result<std::string>{std::move(*text)} : wrong(key + "-data is no base64");
  }
  const auto path = std::string{json::get_string(from, key)};
  return path.empty() ? api::result<std::string>{std::string{}} : read_file(resolved(path, folder));
}

std::string without_end_of_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.pop_back();
  return text;
}

} // namespace

api::result<server_address> parse_server(const std::string& text) {
  std::string_view t{text};
  if (t.starts_with("https://"))
    t.remove_prefix(8);
  while (t.ends_with('/'))
    t.remove_suffix(1);
  server_address res;
  std::string_view port;
  if (t.starts_with('[')) {
    const auto end = t.find(']');
    res.host = t.substr(1, end == t.npos ? 0 : end - 1);
    port = end == t.npos ? std::string_view{} : t.substr(end + 1);
    if (port.starts_with(':'))
      port.remove_prefix(1);
  } else {
    const auto colon = t.find(':');
    res.host = t.substr(0, colon);
    port = colon == t.npos ? std::string_view{} : t.substr(colon + 1);
    if (colon != t.npos && port.empty())
      res.host.clear();
  }
  if (!port.empty()) {
    const auto [at, code] = std::from_chars(port.data(), port.data() + port.size(), res.port);
    if (code != std::errc{} || at != port.data() + port.size() || res.port == 0)
      res.host.clear();
  }
  if (res.host.empty())
    return wrong("\"" + text + "\" is no HOST:PORT of a server");
  return res;
}

api::result<cluster_access> access_of_kubeconfig(const std::string& path) {
  const auto text = read_file(path);
  if (!text)
    return api::fail(text.error());
  const auto doc = api::yaml::parse(*text);
  if (!doc || !doc->IsObject())
    return wrong(path + " is no kubeconfig");
  const auto folder =
      path.substr(0, path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1);
  const auto* context =
      entry(*doc, "contexts", json::get_string(*doc, "current-context"), "context");
  if (context == nullptr)
    return wrong(path + " has no current context");
  const auto* cluster = entry(*doc, "clusters", json::get_string(*context, "cluster"), "cluster");
  const auto* user = entry(*doc, "users", json::get_string(*context, "user"), "user");
  if (cluster == nullptr || user == nullptr)
    return wrong(path + ": the current context names a cluster or user that is not there");
  cluster_access res;
  res.server = json::get_string(*cluster, "server");
  res.token = json::get_string(*user, "token");
  res.token_file = resolved(std::string{json::get_string(*user, "tokenFile")}, folder);
  const auto take = [&](const json::value& from, const std::string& key, std::string& into) {
    auto got = material(from, key, folder);
    if (got)
      into = std::move(*got);
    return got ? api::result<void>{} : api::fail(got.error());
  };
  for (auto ok :
       {take(*cluster, "certificate-authority", res.ca),
        take(*user, "client-certificate", res.certificate), take(*user, "client-key", res.key)})
    if (!ok)
      return api::fail(std::move(ok.error()));
  if (res.ca.empty())
    return wrong(path + ": the cluster has no certificate authority");
  return res;
}

api::result<cluster_access> access_of_pod(const std::string& folder) {
  const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
  if (host == nullptr || port == nullptr) {
    return api::fail(
        api::reason::not_found,
        "this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set");
  }
  auto ca = read_file(folder + "/ca.crt");
  if (!ca)
    return api::fail(std::move(ca.error()));
  const bool v6 = std::string_view{host}.find(':') != std::string_view::npos;
  return cluster_access{(v6 ? "[" + std::string{host} + "]" : std::string{host}) + ":" + port,
                        std::move(*ca),
                        {},
                        {},
                        {},
                        folder + "/token"};
}

api::result<dial_options> dialing(const cluster_access& access) {
  auto to = parse_server(access.server);
  if (!to)
    return api::fail(std::move(to.error()));
  dial_options res;
  res.host = std::move(to->host);
  res.port = to->port;
  res.ca = access.ca;
  res.certificate = access.certificate;
  res.key = access.key;
  res.token = access.token;
  if (!access.token_file.empty()) {
    auto token = read_file(access.token_file);
    if (!token)
      return api::fail(std::move(token.error()));
    res.token = without_end_of_line(std::move(*token));
  }
  return res;
}

} // namespace thespis::runtime::link
