#include "tools/shell/access.hpp"

#include "api/json.hpp"
#include "api/text/base64.hpp"
#include "api/yaml.hpp"
#include "config/files.hpp"
#include "tools/cli/instance.hpp"

namespace thespis::tools::shell {

namespace json = api::json;

namespace {

tl::unexpected<api::error> wrong(std::string message) {
  return api::fail(api::bad_request(std::move(message)));
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

/// The text behind KEY-data, else in the file behind KEY; empty when there is neither.
api::result<std::string> material(const json::value& from, const std::string& key,
                                  const std::string& folder) {
  if (const auto data = json::get_string(from, key + "-data"); !data.empty()) {
    auto text = api::decode_base64(data);
    return text ? api::result<std::string>{std::move(*text)} : wrong(key + "-data is no base64");
  }
  const auto path = std::string{json::get_string(from, key)};
  if (path.empty())
    return std::string{};
  return config::read_file(path.front() == '/' ? path : folder + path);
}

} // namespace

api::result<https_target> access_of_data_dir(const std::string& data_dir) {
  auto state = read_state(data_dir);
  if (!state)
    return api::fail(std::move(state.error()));
  const auto pki = data_dir + "/pki/";
  auto ca = config::read_file(pki + "ca.crt");
  auto certificate = config::read_file(pki + "admin.crt");
  auto key = config::read_file(pki + "admin.key");
  for (const auto* part : {&ca, &certificate, &key})
    if (!*part)
      return api::fail(part->error());
  return https_target{
      state->server, std::move(*ca), {std::move(*certificate), std::move(*key)}, {}};
}

api::result<https_target> access_of_kubeconfig(const std::string& path) {
  const auto text = config::read_file(path);
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
  https_target res;
  res.server = json::get_string(*cluster, "server");
  res.token = json::get_string(*user, "token");
  const auto take = [&](const json::value& from, const std::string& key, std::string& into) {
    auto got = material(from, key, folder);
    if (got)
      into = std::move(*got);
    return got ? api::result<void>{} : api::fail(got.error());
  };
  for (auto ok : {take(*cluster, "certificate-authority", res.ca_pem),
                  take(*user, "client-certificate", res.client.certificate),
                  take(*user, "client-key", res.client.key)})
    if (!ok)
      return api::fail(std::move(ok.error()));
  if (res.ca_pem.empty())
    return wrong(path + ": the cluster has no certificate authority");
  return res;
}

} // namespace thespis::tools::shell
