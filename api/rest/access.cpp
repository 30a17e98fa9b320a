#include "api/rest/access.hpp"

#include "api/text/base64.hpp"

#include <algorithm>

namespace thespis::api::rest {

namespace {

bool is_anonymous(const user_info& user) {
  return user.name == auth::anonymous_user;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

error unauthorized() {
  return make_error(reason::unauthorized, "Unauthorized");
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

bool starts_with_ignoring_case(std::string_view s, std::string_view prefix) {
  return s.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), s.begin(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

/// What the Impersonate-* headers ask for.
struct impersonation {
  bool has_user = false;
  user_info wanted;
  bool any() const {
    return has_user || !wanted.groups.empty() || !wanted.uid.empty() || !wanted.extra.empty();
  }
};

impersonation read_impersonation(const transport::request_head& head) {
  impersonation i;
  head.for_each([&](std::string_view name, std::string_view value) {
    constexpr std::string_view extra = "impersonate-extra-";
    if (!starts_with_ignoring_case(name, "impersonate-"))
      return;
    auto is = [&](std::string_view what) {
      return name.size() == what.size() && starts_with_ignoring_case(name, what);
    };
    if (is("impersonate-user")) {
      i.wanted.name = value;
      i.has_user = i.has_user || !value.empty();
    } else if (is("impersonate-group")) {
      i.wanted.groups.emplace_back(value);
    } else if (is("impersonate-uid")) {
      i.wanted.uid = value;
    } else if (starts_with_ignoring_case(name, extra)) {
      std::string key{name.substr(extra.size())};
      std::transform(key.begin(), key.end(), key.begin(), lower);
      i.wanted.extra[percent_decode(key, false).value_or(key)].emplace_back(value);
    }
  });
  return i;
}

/// One right that impersonation needs.
result<void> may_impersonate(const auth::policy& access, const user_info& user,
                             auth::access_query q) {
  q.verb = "impersonate";
  q.version = q.group.empty() ? "" : "v1";
  const auto d = access.authorize(q);
  if (d.allowed())
    return {};
  return fail(is_anonymous(user) ? unauthorized() : auth::access_refused(q, d.reason));
}

/// Every right that taking someone for `wanted` needs, in Kubernetes' order.
result<void> check_impersonation(const auth::policy& access, const user_info& user,
                                 const user_info& wanted) {
  constexpr std::string_view group = "authentication.k8s.io";
  auto ask = [&](std::string_view api, std::string_view ns, std::string_view resource,
                 std::string_view sub, std::string_view name) {
    return may_impersonate(access, user, {user, true, "", api, "", ns, resource, sub, name, ""});
  };
  result<void> ok;
  if (const auto account = auth::read_service_account(wanted.name))
    ok = ask("", account.ns, "serviceaccounts", "", account.name);
  else
    ok = ask("", "", "users", "", wanted.name);
  for (const auto& g : wanted.groups)
    if (ok)
      ok = ask("", "", "groups", "", g);
  for (const auto& [key, values] : wanted.extra)
    for (const auto& value : values)
      if (ok)
        ok = ask(group, "", "userextras", key, value);
  if (ok && !wanted.uid.empty())
    ok = ask(group, "", "uids", "", wanted.uid);
  return ok;
}

/// The groups that go without saying.
void complete_groups(user_info& user) {
  if (const auto account = auth::read_service_account(user.name); account && user.groups.empty())
    user.groups = {"system:serviceaccounts", "system:serviceaccounts:" + std::string{account.ns}};
  if (!auth::in_group(user, auth::authenticated_group) &&
      !auth::in_group(user, auth::unauthenticated_group))
    add_group(user, is_anonymous(user) ? auth::unauthenticated_group : auth::authenticated_group);
}

bool under(std::string_view path, std::string_view root) {
  return path.substr(0, root.size()) == root &&
         (path.size() == root.size() || path[root.size()] == '/');
}

bool any_under(std::string_view path, std::initializer_list<std::string_view> roots) {
  return std::any_of(roots.begin(), roots.end(), [&](auto root) { return under(path, root); });
}

/// What anonymous clients may ask for at all.
bool is_public(const request_target& t, const std::optional<bool>& said) {
  if (said)
    return *said;
  return !t.is_resource && any_under(t.path, {"/healthz", "/livez", "/readyz", "/version"});
}

} // namespace

result<user_info> authenticate(const transport::request_head& head,
                               const token_authenticator& tokens) {
  user_info user;
  auto authorization = head.header("Authorization");
  if (head.peer().verified && !head.peer().common_name.empty()) {
    user.name = head.peer().common_name;
    user.groups = head.peer().organizations;
    add_group(user, "system:authenticated");
  } else if (auto token = bearer_token(head, authorization)) {
    auto known = tokens ? tokens(*token, {}) : std::nullopt;
    if (!known)
      return fail(unauthorized());
    user = std::move(known->user);
    add_group(user, "system:authenticated");
  } else if (!authorization.empty() || !head.peer().certificate_error.empty()) {
    return fail(unauthorized());
  } else {
    user.name = auth::anonymous_user;
    user.groups = {"system:unauthenticated"};
  }
  return user;
}

result<user_info> impersonate(const transport::request_head& head, user_info user,
                              const auth::policy& access) {
  auto i = read_impersonation(head);
  if (!i.any())
    return user;
  if (!i.has_user)
    return fail(internal_error("requested impersonation without impersonating a user"));
  if (auto ok = check_impersonation(access, user, i.wanted); !ok)
    return fail(std::move(ok.error()));
  complete_groups(i.wanted);
  return std::move(i.wanted);
}

auth::access_query question_of(const user_info& user, const request_target& t) {
  if (t.path == introspection_path) {
    // Looking is listing actors; each change is a verb of its own.
    const auto command = t.query.get("command");
    const std::string_view verb = t.verb == "get" ? "list" : command.substr(0, command.find(' '));
    return {user, true, verb, "thespis.dev", "v1", "", "actors", "", "", ""};
  }
  return {user, t.is_resource, t.verb,        t.group, t.version,
          t.ns, t.resource,    t.subresource, t.name,  t.path};
}

result<void> authorize(const auth::policy& access, const user_info& user,
                       const request_target& target, std::string* reason,
                       const stranger_rule& strangers) {
  const auto said = strangers ? strangers(target.path) : std::nullopt;
  if (is_anonymous(user) && !is_public(target, said))
    return fail(unauthorized());
  const auto q = question_of(user, target);
  const auto d = access.authorize(q);
  if (reason)
    *reason = d.reason;
  if (d.allowed())
    return {};
  // Who was let in without a name is told what is missing; others, that they need one.
  return fail(is_anonymous(user) && !said ? unauthorized() : auth::access_refused(q, d.reason));
}

} // namespace thespis::api::rest
