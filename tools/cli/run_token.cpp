// `thespis token`: the Secrets by which machines join, in the form of kubeadm's.
#include "tools/cli/commands.hpp"

#include "api/json.hpp"
#include "api/text/base64.hpp"
#include "api/text/time.hpp"
#include "config/files.hpp"
#include "config/units.hpp"
#include "runtime/environment.hpp"
#include "runtime/link/dial.hpp"
#include "tools/cli/instance.hpp"
#include "tools/cli/subcommands.hpp"
#include "tools/cluster/join.hpp"

#include <openssl/rand.h>

#include <cstdio>

namespace thespis::tools {

namespace {

namespace json = api::json;

constexpr const char* secrets_path = "/api/v1/namespaces/kube-system/secrets";
constexpr std::string_view name_prefix = "bootstrap-token-";

/// `n` of the characters that tokens are made of.
std::string random_text(size_t n) {
  constexpr std::string_view alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string res;
  while (res.size() < n) {
    unsigned char byte = 0;
    // What would favour some characters is thrown away.
    if (RAND_bytes(&byte, 1) == 1 && byte < 252)
      res += alphabet[byte % alphabet.size()];
  }
  return res;
}

/// Talks to the cluster of a data directory as its administrator.
class administrator {
public:
  static api::result<administrator> open(const std::string& data_dir) {
    auto state = read_state(data_dir);
    if (!state)
      return api::fail(state.error());
    auto at = parse_server(state->server);
    if (!at)
      return api::fail(at.error());
    runtime::link::dial_options options;
    options.host = at->host;
    options.port = at->port;
    const auto pki = data_dir + "/pki/";
    for (auto [file, into] :
         {std::pair{"ca.crt", &options.ca}, std::pair{"admin.crt", &options.certificate},
          std::pair{"admin.key", &options.key}}) {
      auto text = config::read_file(pki + file);
      if (!text)
        return api::fail(text.error());
      *into = std::move(*text);
    }
    auto connection = runtime::link::server_connection::open(options);
    if (!connection)
      return api::fail(connection.error());
    return administrator{std::move(*connection)};
  }

  api::result<json::document> ask(const std::string& method, const std::string& path,
                                  const std::string& body = {}) {
    auto answer = connection_.ask(method, path, body);
    if (!answer)
      return api::fail(answer.error());
    auto doc = json::parse(answer->body);
    if (answer->status < 300 && doc)
      return std::move(*doc);
    return api::fail(
        api::internal_error(doc ? std::string{json::get_string(*doc, "message")}
                                : "the server answered " + std::to_string(answer->status)));
  }

  std::string fingerprint() const { return runtime::link::fingerprint_of(connection_.ca()); }

private:
  explicit administrator(runtime::link::server_connection c) : connection_(std::move(c)) {}
  runtime::link::server_connection connection_;
};

std::string secret_body(const token_request& r, const join_token& token,
                        const std::string& expiration) {
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  json::set(doc, "apiVersion", std::string_view{"v1"}, a);
  json::set(doc, "kind", std::string_view{"Secret"}, a);
  json::set(doc, "type", std::string_view{"bootstrap.kubernetes.io/token"}, a);
  const auto id = token.bearer.substr(0, 6);
  auto& meta = json::ensure_object(doc, "metadata", a);
  json::set(meta, "name", std::string_view{std::string{name_prefix} + id}, a);
  auto& data = json::ensure_object(doc, "stringData", a);
  json::set(data, "token-id", std::string_view{id}, a);
  json::set(data, "token-secret", std::string_view{token.bearer}.substr(7), a);
  json::set(data, "usage-bootstrap-authentication", std::string_view{"true"}, a);
  if (!expiration.empty())
    json::set(data, "expiration", std::string_view{expiration}, a);
  if (!r.description.empty())
    json::set(data, "description", std::string_view{r.description}, a);
  return json::to_string(doc);
}

int create(administrator& admin, const token_request& r) {
  std::string expiration;
  if (r.ttl != "0") {
    const auto ttl = config::parse_duration(r.ttl);
    if (!ttl || ttl->count() <= 0)
      return complain("--ttl: expected a duration such as 24h or 30m, or 0; got " + r.ttl);
    expiration = api::format_time(runtime::system_clock_port()->now() + *ttl);
  }
  const join_token token{admin.fingerprint(), random_text(6) + "." + random_text(16)};
  if (auto made = admin.ask("POST", secrets_path, secret_body(r, token, expiration)); !made)
    return complain(made.error().message);
  std::printf("%s\n", print_join_token(token).c_str());
  return 0;
}

std::string value_of(const json::value& secret, const char* key) {
  const auto* text = json::at(secret, {"data", key});
  return text && text->IsString()
             ? api::decode_base64({text->GetString(), text->GetStringLength()}).value_or("")
             : std::string{};
}

int list(administrator& admin, const token_request& r) {
  auto doc = admin.ask("GET", std::string{secrets_path} +
                                  "?fieldSelector=type%3Dbootstrap.kubernetes.io%2Ftoken");
  if (!doc)
    return complain(doc.error().message);
  const auto now = runtime::system_clock_port()->now();
  json::document out{rapidjson::kArrayType};
  auto& a = out.GetAllocator();
  if (r.output == "table")
    std::printf("%-8s %-22s %-8s %s\n", "ID", "EXPIRES", "STATE", "DESCRIPTION");
  const json::value none{rapidjson::kArrayType};
  const auto* items = json::find(*doc, "items");
  for (const auto& s : (items && items->IsArray() ? *items : none).GetArray()) {
    const auto id = value_of(s, "token-id");
    const auto end = value_of(s, "expiration");
    const auto at = api::parse_time(end);
    const bool over = at && *at <= now;
    const auto description = value_of(s, "description");
    if (r.output == "table") {
      std::printf("%-8s %-22s %-8s %s\n", id.c_str(), end.empty() ? "never" : end.c_str(),
                  over ? "expired" : "good", description.c_str());
      continue;
    }
    json::value entry{rapidjson::kObjectType};
    json::set(entry, "id", std::string_view{id}, a);
    json::set(entry, "expires", std::string_view{end}, a);
    json::set(entry, "expired", json::value{over}, a);
    json::set(entry, "description", std::string_view{description}, a);
    out.PushBack(std::move(entry), a);
  }
  if (r.output == "json")
    std::printf("%s\n", json::to_pretty_string(out).c_str());
  return 0;
}

int remove(administrator& admin, const token_request& r) {
  auto id = r.id;
  if (const auto whole = parse_join_token(id))
    id = whole->bearer;
  id = id.substr(0, id.find('.'));
  if (id.size() != 6 || id.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz") != id.npos)
    return complain(r.id + " is no token and no token's id (six characters)");
  auto gone = admin.ask("DELETE", std::string{secrets_path} + "/" + std::string{name_prefix} + id);
  if (!gone)
    return complain(gone.error().message);
  std::printf("Deleted the token %s\n", id.c_str());
  return 0;
}

} // namespace

int run_token(const token_request& request) {
  auto admin = administrator::open(request.data_dir);
  if (!admin)
    return complain(admin.error().message);
  if (request.action == "create")
    return create(*admin, request);
  return request.action == "list" ? list(*admin, request) : remove(*admin, request);
}

} // namespace thespis::tools
