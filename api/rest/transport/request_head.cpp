#include "api/rest/transport/wire.hpp"

namespace thespis::api::transport {

namespace {

const request_fields& of(const void* fields) {
  return *static_cast<const request_fields*>(fields);
}

std::string_view sv(boost::beast::string_view s) {
  return {s.data(), s.size()};
}

constexpr std::string_view bearer_subprotocol = "base64url.bearer.authorization.k8s.io.";

// What tells the client's identity must not reach an upstream.
bool is_credential(std::string_view name) {
  if (name.size() >= 9 && equals_ignoring_case(name.substr(0, 9), "x-remote-"))
    return true;
  if (name.size() >= 12 && equals_ignoring_case(name.substr(0, 12), "impersonate-"))
    return true;
  for (auto other : {"authorization", "proxy-authorization", "cookie"})
    if (equals_ignoring_case(name, other))
      return true;
  return false;
}

std::string without_bearer(std::string_view protocols) {
  std::string kept;
  for_each_token(protocols, [&](std::string_view protocol) {
    if (protocol.substr(0, bearer_subprotocol.size()) == bearer_subprotocol)
      return;
    if (!kept.empty())
      kept += ", ";
    kept += protocol;
  });
  return kept;
}

} // namespace

std::string_view request_head::method() const {
  return sv(of(fields_).method_string());
}

std::string_view request_head::target() const {
  return sv(of(fields_).target());
}

std::string_view request_head::path() const {
  auto t = target();
  return t.substr(0, t.find('?'));
}

std::string_view request_head::query() const {
  auto t = target();
  auto at = t.find('?');
  return at == t.npos ? std::string_view{} : t.substr(at + 1);
}

unsigned request_head::version() const {
  return of(fields_).version();
}

std::string_view request_head::header(std::string_view name) const {
  return sv(of(fields_)[boost::beast::string_view{name.data(), name.size()}]);
}

size_t request_head::count(std::string_view name) const {
  return of(fields_).count(boost::beast::string_view{name.data(), name.size()});
}

void request_head::for_each(
    const std::function<void(std::string_view, std::string_view)>& f) const {
  for (auto& field : of(fields_))
    f(sv(field.name_string()), sv(field.value()));
}

bool request_head::has_token(std::string_view name, std::string_view token) const {
  bool found = false;
  for_each([&](std::string_view n, std::string_view value) {
    if (equals_ignoring_case(n, name))
      for_each_token(value, [&](std::string_view element) {
        found = found || equals_ignoring_case(element, token);
      });
  });
  return found;
}

bool request_head::wants_upgrade() const {
  return has_token("connection", "upgrade") && !header("upgrade").empty();
}

const peer_identity& request_head::peer() const {
  return peer_;
}

header_list request_head::forwardable(bool upgrade) const {
  header_list out;
  for_each([&](std::string_view name, std::string_view value) {
    const bool asks =
        equals_ignoring_case(name, "upgrade") || equals_ignoring_case(name, "connection");
    // A cookie is the upstream's own: this server sets none and asks for none.
    const bool credential = is_credential(name) && !equals_ignoring_case(name, "cookie");
    if (credential || (asks && !upgrade))
      return;
    for (auto other : {"host", "content-length", "transfer-encoding", "keep-alive", "te", "trailer",
                       "proxy-connection", "proxy-authenticate", "expect"})
      if (equals_ignoring_case(name, other))
        return;
    // Else a client could have any header taken away, and thereby ours that say who it is.
    if (asks && equals_ignoring_case(name, "connection"))
      out.emplace_back(name, "Upgrade");
    else if (!equals_ignoring_case(name, "sec-websocket-protocol"))
      out.emplace_back(name, value);
    else if (auto kept = without_bearer(value); !kept.empty())
      out.emplace_back(name, std::move(kept));
  });
  return out;
}

std::string request_head::serialize(std::string_view new_target, std::string_view host) const {
  std::string out;
  out.reserve(1024);
  out.append(method()).append(" ").append(new_target).append(" HTTP/1.1\r\nHost: ");
  out.append(host).append("\r\n");
  for_each([&](std::string_view name, std::string_view value) {
    if (is_credential(name) || equals_ignoring_case(name, "host"))
      return;
    if (!equals_ignoring_case(name, "sec-websocket-protocol")) {
      out.append(name).append(": ").append(value).append("\r\n");
      return;
    }
    if (auto kept = without_bearer(value); !kept.empty())
      out.append(name).append(": ").append(kept).append("\r\n");
  });
  return out.append("\r\n");
}

} // namespace thespis::api::transport
