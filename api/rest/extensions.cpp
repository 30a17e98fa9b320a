#include "api/rest/extensions.hpp"

#include "api/outbound/service_target.hpp"
#include "api/rest/forwarding.hpp"

namespace thespis::api::rest {

namespace {

constexpr std::string_view schema_root = "/openapi/v3/apis/";

/// Kubernetes escapes what may not stand in a header's name.
std::string escaped_key(std::string_view key) {
  constexpr std::string_view allowed = "!#$&'*+-.^_`|~";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : key) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || allowed.find(c) != allowed.npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.append("%").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
  }
  return out;
}

/// Whether a request may take as long as it likes.
bool is_long(const exchange& x, const transport::request_head& head) {
  const auto& t = x.target;
  return t.verb == "watch" || head.wants_upgrade() || t.subresource == "proxy" ||
         t.subresource == "log" || t.subresource == "exec" || t.subresource == "attach" ||
         t.subresource == "portforward";
}

transport::outcome unavailable(const exchange& x, std::string message) {
  error e;
  e.why = reason::service_unavailable;
  e.message = std::move(message);
  x.observe(http_code(e.why));
  return transport::refuse(e);
}

} // namespace

std::shared_ptr<const outbound::extension> extension_of(const core& server,
                                                        const request_target& t) {
  if (!server.options.extensions)
    return nullptr;
  const auto& all = *server.options.extensions;
  if (t.is_resource)
    return t.group.empty() ? nullptr : all.find(t.group, t.version);
  const std::string_view path = t.path;
  const bool schema = path.starts_with(schema_root);
  if (!schema && !path.starts_with("/apis/"))
    return nullptr;
  const auto rest = path.substr(schema ? schema_root.size() : 6);
  const auto slash = rest.find('/');
  if (slash == rest.npos)
    return nullptr;
  return all.find(rest.substr(0, slash), rest.substr(slash + 1));
}

transport::header_list identity_headers(const user_info& user) {
  transport::header_list out{{"X-Remote-User", user.name}};
  if (!user.uid.empty())
    out.emplace_back("X-Remote-Uid", user.uid);
  for (const auto& g : user.groups)
    out.emplace_back("X-Remote-Group", g);
  for (const auto& [key, values] : user.extra)
    for (const auto& v : values)
      out.emplace_back("X-Remote-Extra-" + escaped_key(key), v);
  return out;
}

transport::outcome ask_extension(exchange_ptr x, const outbound::extension& e,
                                 const transport::request_head& head) {
  if (!e.available)
    return unavailable(*x, "service unavailable");
  const auto to =
      outbound::find_service(x->server->cluster.state(), e.service_ns, e.service_name, e.port);
  if (!to)
    return unavailable(*x, to.error().message);
  forward_request r;
  take_request(r, head);
  for (auto& h : identity_headers(x->user)) {
    // What a header cannot hold must not become another header, nor another name.
    if (h.second.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      return unavailable(*x, "the user's name cannot be told to an extension server");
    r.headers.push_back(std::move(h));
  }
  r.target = head.target();
  r.server_name = e.server_name();
  r.host = r.server_name + ":" + std::to_string(e.port);
  r.address = to->address;
  r.port = to->port;
  r.tls = true;
  r.insecure = e.insecure;
  r.ca_bundle = e.ca_bundle;
  r.client_certificate = x->server->options.front_proxy.certificate;
  r.client_key = x->server->options.front_proxy.key;
  if (is_long(*x, head))
    r.head_timeout = std::chrono::milliseconds{0};
  answer_rules rules;
  rules.refuse_redirects = true;
  return forward(std::move(x), std::move(r), std::move(rules));
}

} // namespace thespis::api::rest
