#include "tools/cluster/join.hpp"

#include "api/auth/csr.hpp"
#include "api/json.hpp"
#include "api/text/base64.hpp"
#include "config/files.hpp"
#include "runtime/link/dial.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include <unistd.h>

namespace thespis::tools {

namespace {

namespace json = api::json;
using namespace std::chrono_literals;
using runtime::link::server_connection;

constexpr std::string_view token_version = "T1";
constexpr size_t fingerprint_size = 64;
constexpr auto signing_patience = 60s;
constexpr const char* requests_path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

bool all_of_class(std::string_view text, bool (*good)(char)) {
  return std::all_of(text.begin(), text.end(), good);
}
bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}
bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

/// What the server refuses with.
tl::unexpected<api::error> refusal(const runtime::link::http_answer& a, const char* doing) {
  const auto doc = json::parse(a.body);
  const auto told = doc ? std::string{json::get_string(*doc, "message")} : std::string{};
  const auto why = a.status == 401   ? api::reason::unauthorized
                   : a.status == 403 ? api::reason::forbidden
                                     : api::reason::service_unavailable;
  if (a.status == 401)
    return api::fail(why, "the server does not accept the token: it is wrong, has expired or was "
                          "deleted");
  return api::fail(why,
                   std::string{doing} + ": " +
                       (told.empty() ? "the server answered " + std::to_string(a.status) : told));
}

std::string request_body(const std::string& node, const std::string& pem) {
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  json::set(doc, "apiVersion", std::string_view{"certificates.k8s.io/v1"}, a);
  json::set(doc, "kind", std::string_view{"CertificateSigningRequest"}, a);
  auto& meta = json::ensure_object(doc, "metadata", a);
  json::set(meta, "generateName", std::string_view{"node-csr-" + node + "-"}, a);
  auto& spec = json::ensure_object(doc, "spec", a);
  json::set(spec, "signerName", api::auth::kubelet_client_signer, a);
  json::set(spec, "request", std::string_view{api::encode_base64(pem)}, a);
  json::value usages{rapidjson::kArrayType};
  for (const auto* u : {"digital signature", "client auth"})
    usages.PushBack(json::make_string(u, a), a);
  json::set(spec, "usages", std::move(usages), a);
  return json::to_string(doc);
}

/// The certificate in a request's status; empty while there is none. Errors: forbidden when it was
/// denied or failed.
api::result<std::string> certificate_in(const json::value& doc) {
  if (const auto* all = json::at(doc, {"status", "conditions"}); all && all->IsArray())
    for (const auto& c : all->GetArray()) {
      const auto type = json::get_string(c, "type");
      if (type == "Denied" || type == "Failed")
        return api::fail(api::reason::forbidden,
                         "the server does not sign this machine's certificate: " +
                             std::string{json::get_string(c, "message")});
    }
  const auto* text = json::at(doc, {"status", "certificate"});
  if (!text || !text->IsString() || text->GetStringLength() == 0)
    return std::string{};
  auto pem = api::decode_base64({text->GetString(), text->GetStringLength()});
  return pem ? api::result<std::string>{std::move(*pem)}
             : api::fail(api::reason::internal_error, "the server's certificate cannot be read");
}

/// Has a new key certified over an open connection.
api::result<config::key_pair> certify(server_connection& server, const std::string& node) {
  auto asked = config::make_signing_request("system:node:" + node, {"system:nodes"});
  if (!asked)
    return api::fail(std::move(asked.error()));
  auto made = server.ask("POST", requests_path, request_body(node, asked->request));
  if (!made)
    return api::fail(std::move(made.error()));
  if (made->status != 201)
    return refusal(*made, "asking for a certificate");
  const auto doc = json::parse(made->body);
  const auto* name = doc ? json::at(*doc, {"metadata", "name"}) : nullptr;
  if (!name || !name->IsString())
    return api::fail(api::reason::internal_error, "the server's answer cannot be read");
  const auto path = std::string{requests_path} + "/" + name->GetString();
  const auto end = std::chrono::steady_clock::now() + signing_patience;
  while (std::chrono::steady_clock::now() < end) {
    auto answer = server.ask("GET", path);
    if (!answer)
      return api::fail(std::move(answer.error()));
    if (answer->status != 200)
      return refusal(*answer, "waiting for the certificate");
    const auto now = json::parse(answer->body);
    auto pem = now ? certificate_in(*now) : api::result<std::string>{std::string{}};
    if (!pem)
      return api::fail(std::move(pem.error()));
    if (!pem->empty())
      return config::key_pair{std::move(*pem), std::move(asked->key)};
    ::usleep(100'000);
  }
  return api::fail(api::reason::service_unavailable,
                   "the server did not sign the certificate in time");
}

api::result<void> store(const std::string& dir, const credentials& c) {
  if (auto made = config::make_directory(dir, 0700); !made)
    return made;
  // The certificate last: with it the others are there.
  for (const auto& [file, text] : {std::pair{"ca.crt", &c.ca}, std::pair{"agent.key", &c.own.key},
                                   std::pair{"agent.crt", &c.own.certificate}})
    if (auto done = config::write_file(dir + "/" + file, *text, 0600); !done)
      return done;
  return {};
}

/// What an earlier start has left; nothing when there is none of that name that still holds.
std::optional<credentials> load(const join_options& o, config::wall_time now) {
  auto ca = config::read_file(o.dir + "/ca.crt");
  auto certificate = config::read_file(o.dir + "/agent.crt");
  auto key = config::read_file(o.dir + "/agent.key");
  if (!ca || !certificate || !key)
    return std::nullopt;
  const auto info = config::inspect_certificate(*certificate);
  if (!info || info->not_after <= now || info->common_name != "system:node:" + o.node)
    return std::nullopt;
  return credentials{std::move(*ca), {std::move(*certificate), std::move(*key)}};
}

runtime::link::dial_options dialing(const server_address& to) {
  runtime::link::dial_options res;
  res.host = to.host;
  res.port = to.port;
  return res;
}

} // namespace

api::result<join_token> parse_join_token(const std::string& text) {
  const auto bad = [] {
    return api::fail(api::reason::bad_request,
                     "the token is not one of `thespis token create`, which look like "
                     "T1<fingerprint>::<id>.<secret>");
  };
  const std::string_view t{text};
  if (!t.starts_with(token_version) || t.size() < token_version.size() + fingerprint_size + 2)
    return bad();
  const auto print = t.substr(token_version.size(), fingerprint_size);
  auto rest = t.substr(token_version.size() + fingerprint_size);
  if (!rest.starts_with("::") || !all_of_class(print, is_hex))
    return bad();
  rest.remove_prefix(2);
  const auto dot = rest.find('.');
  if (dot != 6 || rest.size() != 23 || !all_of_class(rest.substr(0, 6), is_plain) ||
      !all_of_class(rest.substr(7), is_plain))
    return bad();
  return join_token{std::string{print}, std::string{rest}};
}

std::string print_join_token(const join_token& t) {
  return std::string{token_version} + t.ca_sha256 + "::" + t.bearer;
}

api::result<credentials> join_cluster(const join_options& o, config::wall_time now) {
  if (auto known = load(o, now))
    return *known;
  auto to = parse_server(o.server);
  if (!to)
    return api::fail(std::move(to.error()));
  if (o.token.empty())
    return api::fail(api::reason::bad_request,
                     "this machine has no certificate of the cluster for the name " + o.node +
                         " yet: give it a token (--token), which `thespis token create` prints on "
                         "the server");
  auto token = parse_join_token(o.token);
  if (!token)
    return api::fail(std::move(token.error()));
  auto options = dialing(*to);
  options.ca_sha256 = token->ca_sha256;
  options.token = token->bearer;
  auto server = server_connection::open(options);
  if (!server)
    return api::fail(std::move(server.error()));
  auto own = certify(*server, o.node);
  if (!own)
    return api::fail(std::move(own.error()));
  credentials res{server->ca(), std::move(*own)};
  if (auto done = store(o.dir, res); !done)
    return api::fail(std::move(done.error()));
  return res;
}

bool wants_renewal(const credentials& c, config::wall_time now) {
  const auto info = config::inspect_certificate(c.own.certificate);
  return info && info->not_after - now < (info->not_after - info->not_before) / 3;
}

api::result<credentials> renew(const join_options& o, const credentials& old) {
  auto to = parse_server(o.server);
  if (!to)
    return api::fail(std::move(to.error()));
  auto options = dialing(*to);
  options.ca = old.ca;
  options.certificate = old.own.certificate;
  options.key = old.own.key;
  auto server = server_connection::open(options);
  if (!server)
    return api::fail(std::move(server.error()));
  auto own = certify(*server, o.node);
  if (!own)
    return api::fail(std::move(own.error()));
  credentials res{old.ca, std::move(*own)};
  if (auto done = store(o.dir, res); !done)
    return api::fail(std::move(done.error()));
  return res;
}

} // namespace thespis::tools
