#include "api/admission/quota_ledger.hpp"

namespace thespis::api::admission {

quota_ledger::account_ptr quota_ledger::refreshed(const claim& c) {
  auto& a = accounts_[{c.ns, c.resource}];
  if (!a)
    a = std::make_shared<account>(c.resource);
  auto all = state_->list(c.resource, c.ns);
  a->usage.refresh(all.objects, c.at);
  return a;
}

resource_list quota_ledger::used(const account& a, const quota_rule& rule, const claim& c) {
  auto sum = a.usage.used(rule);
  for (const auto& r : a.reserved) {
    // The claimant's own earlier attempt is not another object.
    if (r.uid == c.uid)
      continue;
    const auto* durable = a.usage.find(r.name);
    bool same = durable && durable->uid == r.uid;
    if (same && durable->revision > r.revision)
      continue;
    const auto& m = r.measure;
    if (!rule.in_scope(m.pod, m.claim, m.traits))
      continue;
    for (auto& [name, total] : sum) {
      auto more = m.usage.find(name);
      if (more == m.usage.end())
        continue;
      auto extra = more->second;
      if (same)
        if (auto old = durable->measure.usage.find(name); old != durable->measure.usage.end())
          extra -= old->second;
      if (extra.sign() > 0)
        total += extra;
    }
  }
  return sum;
}

std::shared_ptr<const void> quota_ledger::reserve(const account_ptr& a, const claim& c) {
  auto it = a->reserved.insert(a->reserved.end(), {c.name, c.uid, c.revision, c.now});
  return {static_cast<const void*>(&*it), [self = shared_from_this(), a, it](const void*) {
            const std::lock_guard lock{self->mutex_};
            a->reserved.erase(it);
          }};
}

quota_ledger::outcome quota_ledger::take(const claim& c, const std::vector<quota_rule>& quotas) {
  outcome out;
  const std::lock_guard lock{mutex_};
  account_ptr a;
  for (const auto& rule : quotas) {
    auto hard = rule.hard_of(c.resource);
    if (hard.empty() || !rule.in_scope(c.now.pod, c.now.claim, c.now.traits))
      continue;
    resource_list wanted;
    for (const auto& [name, q] : hard) {
      auto it = c.now.usage.find(name);
      if (it == c.now.usage.end())
        continue;
      auto delta = it->second;
      if (auto old = c.before.find(name); old != c.before.end())
        delta -= old->second;
      if (delta.sign() > 0)
        wanted.emplace(name, delta);
    }
    if (wanted.empty())
      continue;
    if (!a)
      a = refreshed(c);
    auto taken = used(*a, rule, c);
    refusal no{rule.name(), {}, {}, {}};
    for (const auto& [name, delta] : wanted)
      if (taken[name] + delta > hard[name]) {
        no.requested.emplace(name, delta);
        no.used.emplace(name, taken[name]);
        no.hard.emplace(name, hard[name]);
      }
    if (!no.hard.empty()) {
      out.refused = std::move(no);
      return out;
    }
  }
  if (a && c.reserve)
    out.hold = reserve(a, c);
  return out;
}

} // namespace thespis::api::admission
