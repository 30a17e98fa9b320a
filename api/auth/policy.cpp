#include "api/auth/policy.hpp"

#include "api/auth/node_authorizer.hpp"

namespace thespis::api::auth {

policy::policy(std::shared_ptr<const reader> state)
    : state_(std::move(state)), index_(std::make_shared<const rbac_index>()) {}

decision policy::authorize(const access_query& q) const {
  if (in_group(q.user, masters_group))
    return {verdict::allow, {}};
  auto of_node = state_ ? authorize_node(*state_, q) : decision{};
  if (of_node.what != verdict::no_opinion)
    return of_node;
  auto d = index()->decide(q);
  if (!d.allowed() && !of_node.reason.empty())
    d.reason = d.reason.empty() ? std::move(of_node.reason) : of_node.reason + "\n" + d.reason;
  return d;
}

held_rules policy::rules_of(const user_info& user, std::string_view ns) const {
  held_rules out;
  auto now = index();
  now->collect(user, ns, out);
  // Said once: the default binding of cluster-admin says it already.
  if (in_group(user, masters_group) && !rules_cover(out.rules, full_authority(), nullptr))
    for (const auto& rule : full_authority())
      out.rules.push_back(&rule);
  out.owner = std::move(now);
  return out;
}

result<void> authorize_call(const policy& access, const call& c) {
  static constexpr std::string_view verbs[] = {"create", "update", "patch", "delete"};
  const auto dot = std::min(c.resource.find('.'), c.resource.size());
  const std::string_view whole{c.resource};
  const access_query q{c.user,
                       true,
                       verbs[static_cast<size_t>(c.verb)],
                       whole.substr(std::min(dot + 1, whole.size())),
                       c.version,
                       c.ns,
                       whole.substr(0, dot),
                       c.subresource,
                       c.name,
                       ""};
  const auto d = access.authorize(q);
  if (d.allowed())
    return {};
  return fail(access_refused(q, d.reason));
}

} // namespace thespis::api::auth
