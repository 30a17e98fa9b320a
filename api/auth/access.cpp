#include "api/auth/access.hpp"

#include "api/text/quote.hpp"

#include <algorithm>

namespace thespis::api::auth {

namespace {

constexpr std::string_view account_prefix = "system:serviceaccount:";

} // namespace

bool in_group(const user_info& user, std::string_view group) {
  return std::find(user.groups.begin(), user.groups.end(), group) != user.groups.end();
}

std::string service_account_user(std::string_view ns, std::string_view name) {
  std::string res{account_prefix};
  res.append(ns).append(":").append(name);
  return res;
}

service_account_name read_service_account(std::string_view user) {
  if (!user.starts_with(account_prefix))
    return {};
  user.remove_prefix(account_prefix.size());
  const auto colon = user.find(':');
  if (colon == user.npos || colon == 0 || user.find(':', colon + 1) != user.npos)
    return {};
  return {user.substr(0, colon), user.substr(colon + 1)};
}

error access_refused(const access_query& q, std::string_view reason) {
  auto message = "User " + quote_go(q.user.name) + " cannot " + std::string{q.verb};
  if (q.is_resource) {
    std::string resource{q.resource};
    if (!q.subresource.empty())
      resource.append("/").append(q.subresource);
    message += " resource " + quote_go(resource) + " in API group " + quote_go(q.group);
    message += q.ns.empty() ? " at the cluster scope" : " in the namespace " + quote_go(q.ns);
  } else {
    message += " path " + quote_go(q.path);
  }
  if (!reason.empty())
    message.append(": ").append(reason);
  if (!q.is_resource)
    return forbidden("", "", message);
  std::string resource{q.resource};
  if (!q.group.empty())
    resource.append(".").append(q.group);
  return forbidden(resource, q.name, message);
}

} // namespace thespis::api::auth
