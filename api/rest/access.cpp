#include "api/rest/access.hpp"

#include "api/text/base64.hpp"
#include "api/text/quote.hpp"

#include <algorithm>
#include <array>

namespace thespis::api::rest {

namespace {

constexpr std::string_view anonymous_name = "system:anonymous";

error unauthorized() {
  error e;
  e.why = reason::unauthorized;
  e.message = "Unauthorized";
  return e;
}

/// The token of `Bearer TOKEN`; nothing with another scheme or none.
std::optional<std::string> header_token(std::string_view header) {
  constexpr std::string_view scheme = "bearer ";
  if (header.size() < scheme.size())
    return std::nullopt;
  for (size_t i = 0; i < scheme.size(); ++i)
    if ((header[i] | 0x20) != (scheme[i] | 0x20))
      return std::nullopt;
  header.remove_prefix(scheme.size());
  while (!header.empty() && header.front() == ' ')
    header.remove_prefix(1);
  return std::string(header);
}

/// The token that a browser's WebSocket, which can set no headers, hides among its subprotocols.
std::optional<std::string> subprotocol_token(std::string_view protocols) {
  constexpr std::string_view prefix = "base64url.bearer.authorization.k8s.io.";
  while (!protocols.empty()) {
    size_t comma = std::min(protocols.find(','), protocols.size());
    auto protocol = protocols.substr(0, comma);
    protocols.remove_prefix(std::min(comma + 1, protocols.size()));
    while (!protocol.empty() && protocol.front() == ' ')
      protocol.remove_prefix(1);
    if (protocol.substr(0, prefix.size()) == prefix)
      return decode_base64url(protocol.substr(prefix.size()));
  }
  return std::nullopt;
}

std::optional<std::string> bearer_token(const transport::request_head& head,
                                        std::string_view authorization) {
  auto token = header_token(authorization);
  if (!token && authorization.empty() && head.wants_upgrade())
    token = subprotocol_token(head.header("Sec-WebSocket-Protocol"));
  return token;
}

void add_group(user_info& user, std::string_view group) {
  if (std::find(user.groups.begin(), user.groups.end(), group) == user.groups.end())
    user.groups.emplace_back(group);
}

bool impersonates(const transport::request_head& head) {
  bool found = false;
  head.for_each([&](std::string_view name, std::string_view) {
    constexpr std::string_view prefix = "impersonate-";
    found = found || (name.size() >= prefix.size() &&
                      std::equal(prefix.begin(), prefix.end(), name.begin(), [](char a, char b) {
                        return a == (b >= 'A' && b <= 'Z' ? b + 32 : b);
                      }));
  });
  return found;
}

bool under(std::string_view path, std::string_view root) {
  return path.substr(0, root.size()) == root &&
         (path.size() == root.size() || path[root.size()] == '/');
}

bool any_under(std::string_view path, std::initializer_list<std::string_view> roots) {
  return std::any_of(roots.begin(), roots.end(), [&](auto root) { return under(path, root); });
}

/// What Kubernetes' system:basic-user allows.
bool asks_about_oneself(const request_target& t) {
  return t.verb == "create" &&
         ((t.group == "authorization.k8s.io" &&
           (t.resource == "selfsubjectaccessreviews" || t.resource == "selfsubjectrulesreviews")) ||
          (t.group == "authentication.k8s.io" && t.resource == "selfsubjectreviews"));
}

std::string resource_of(const request_target& t) {
  return t.subresource.empty() ? t.resource : t.resource + "/" + t.subresource;
}

} // namespace

bool is_anonymous(const user_info& user) {
  return user.name == anonymous_name;
}

result<user_info> authenticate(const transport::request_head& head,
                               const token_authenticator& tokens) {
  user_info user;
  auto authorization = head.header("Authorization");
  if (head.peer().verified && !head.peer().common_name.empty()) {
    user.name = head.peer().common_name;
    user.groups = head.peer().organizations;
    add_group(user, "system:authenticated");
  } else if (auto token = bearer_token(head, authorization)) {
    auto known = tokens ? tokens(*token) : std::nullopt;
    if (!known)
      return fail(unauthorized());
    user = std::move(*known);
    add_group(user, "system:authenticated");
  } else if (!authorization.empty() || !head.peer().certificate_error.empty()) {
    return fail(unauthorized());
  } else {
    user.name = anonymous_name;
    user.groups = {"system:unauthenticated"};
  }
  if (impersonates(head)) {
    error e;
    e.why = reason::forbidden;
    e.message = "impersonation is not served by this server";
    return fail(std::move(e));
  }
  return user;
}

bool allow_masters(const access_request& r) {
  const auto& groups = r.user.groups;
  auto member = [&](std::string_view g) {
    return std::find(groups.begin(), groups.end(), g) != groups.end();
  };
  if (member("system:masters"))
    return true;
  bool authenticated = member("system:authenticated");
  if (r.target.is_resource)
    return authenticated && asks_about_oneself(r.target);
  if (r.target.verb != "get")
    return false;
  if (any_under(r.target.path, {"/healthz", "/livez", "/readyz", "/version"}))
    return true;
  return member("system:authenticated") && any_under(r.target.path, {"/api", "/apis", "/openapi"});
}

error access_denied(const access_request& r) {
  if (is_anonymous(r.user))
    return unauthorized();
  const auto& t = r.target;
  auto who = "User " + quote_go(r.user.name) + " cannot " + t.verb;
  if (!t.is_resource)
    return forbidden("", "", who + " path " + quote_go(t.path));
  who += " resource " + quote_go(resource_of(t)) + " in API group " + quote_go(t.group);
  who +=
      t.ns.empty() ? std::string(" at the cluster scope") : " in the namespace " + quote_go(t.ns);
  return forbidden(t.group.empty() ? t.resource : t.resource + "." + t.group, t.name, who);
}

} // namespace thespis::api::rest
