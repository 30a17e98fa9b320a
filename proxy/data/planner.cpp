#include "proxy/data/planner.hpp"

#include <algorithm>

namespace thespis::proxy {

void planner::set(const service_port_name& name, const service_port& port) {
  auto next = elements_of(port);
  auto [entry, fresh] = wanted_.try_emplace(name);
  const auto& owner = entry->first;
  auto& last = entry->second;
  auto a = last.begin();
  auto b = next.begin();
  while (a != last.end() || b != next.end()) {
    if (b == next.end() || (a != last.end() && a->first < b->first)) {
      change(owner, (a++)->first, nullptr);
    } else {
      bool both = a != last.end() && a->first == b->first;
      if (!both || a->second != b->second)
        change(owner, b->first, &b->second);
      if (both)
        ++a;
      ++b;
    }
  }
  last = std::move(next);
}

void planner::erase(const service_port_name& name) {
  auto entry = wanted_.find(name);
  if (entry == wanted_.end())
    return;
  for (const auto& [key, value] : entry->second)
    change(entry->first, key, nullptr);
  wanted_.erase(entry);
}

// Sets the owner's claim on a key, or with no value withdraws it.
void planner::change(const service_port_name& owner, const element_key& key,
                     const element_value* value) {
  auto& claims = claims_[key];
  std::optional<element_value> was;
  if (!claims.empty())
    was = claims.front().value;
  auto at = std::lower_bound(claims.begin(), claims.end(), owner,
                             [](const claim& c, const auto& name) { return *c.owner < name; });
  bool present = at != claims.end() && at->owner == &owner;
  if (value && present)
    at->value = *value;
  else if (value)
    claims.insert(at, {&owner, *value});
  else if (present)
    claims.erase(at);
  std::optional<element_value> is;
  if (claims.empty())
    claims_.erase(key);
  else
    is = claims.front().value;
  if (was == is)
    return;
  if (tracking_)
    before_.try_emplace(key, was);
  if (was)
    count(*was, -1);
  if (is)
    count(*is, 1);
}

void planner::count(const element_value& value, int by) {
  if (value.what != verdict::pick)
    return;
  auto [entry, fresh] = chains_.try_emplace(value.chain, 0);
  if (tracking_)
    chains_before_.try_emplace(value.chain, !fresh);
  entry->second += by;
  if (entry->second == 0)
    chains_.erase(entry);
}

void planner::reset(const service_table& services, ip_family family) {
  *this = {};
  tracking_ = false;
  for (const auto& [name, port] : services)
    if (name.family == family)
      set(name, port);
  tracking_ = true;
}

batch planner::take() {
  batch out;
  for (const auto& [key, was] : before_) {
    auto now = claims_.find(key);
    bool is = now != claims_.end();
    if (was && is && *was == now->second.front().value)
      continue;
    if (was)
      out.remove.emplace_back(key, *was);
    if (is)
      out.add.emplace_back(key, now->second.front().value);
  }
  for (const auto& [chain, was] : chains_before_) {
    bool is = chains_.count(chain) != 0;
    if (is && !was)
      out.add_chains.push_back(chain);
    else if (was && !is)
      out.remove_chains.push_back(chain);
  }
  before_.clear();
  chains_before_.clear();
  out.stale = stale_flows(out.remove, out.add);
  return out;
}

ruleset planner::rules() const {
  ruleset out;
  for (const auto& [key, claims] : claims_)
    out.elements.emplace_hint(out.elements.end(), key, claims.front().value);
  out.chains = chains_;
  return out;
}

} // namespace thespis::proxy
