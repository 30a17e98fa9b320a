#include "actors/placement/placement_state.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

bool offers(const std::vector<std::string>& all, const std::string& role) {
  return std::any_of(all.begin(), all.end(), [&](const std::string& o) {
    return o == role || o == "*" ||
           (o.ends_with("/*") && role.starts_with(o.substr(0, o.size() - 1)));
  });
}

} // namespace

const char* to_string(placement_state::phase p) {
  using phase = placement_state::phase;
  switch (p) {
  case phase::waiting:
    return "waiting";
  case phase::taking:
    return "starting";
  case phase::held:
    return "running";
  case phase::leaving:
    return "leaving";
  case phase::lost:
    return "lost";
  }
  return "";
}

placement_state::placement_state(
    std::string home, std::function<bool(const std::string&, const std::string&)> allowed,
    placement_limits limits)
    : home_(std::move(home)), allowed_(std::move(allowed)), limits_(limits) {}

void placement_state::add_role(const std::string& name, const std::string& holder, uint64_t moves,
                               time now) {
  auto& r = roles_[name];
  r.holder = holder.empty() ? home_ : holder;
  r.at = phase::lost;
  r.since = now;
  // Home is about to come; a machine has to link first.
  r.patience = limits_.startup_grace;
  r.moves = moves;
}

bool placement_state::can(const std::string& machine, const std::string& role) const {
  const auto host = hosts_.find(machine);
  return host != hosts_.end() && offers(host->second, role) &&
         (machine == home_ || allowed_(machine, role));
}

std::string placement_state::choose(const std::string& role, const std::string& but) const {
  // Somebody has moved it away from home: it stays away while it can.
  for (const auto& [machine, told] : hosts_)
    if (machine != but && machine != home_ && can(machine, role))
      return machine;
  return but != home_ && can(home_, role) ? home_ : std::string{};
}

void placement_state::give(const std::string& name, role& r, const std::string& machine,
                           actions& out) {
  if (r.holder != machine)
    ++r.moves;
  r.holder = machine;
  r.at = phase::taking;
  out.push_back({verb::take, name, machine});
}

void placement_state::settle_elsewhere(const std::string& name, role& r, const std::string& but,
                                       actions& out) {
  if (const auto next = choose(name, but); !next.empty()) {
    give(name, r, next, out);
  } else {
    r.at = phase::waiting;
    r.holder.clear();
  }
}

placement_state::actions placement_state::host_up(const std::string& machine,
                                                  std::vector<std::string> offered) {
  hosts_[machine] = std::move(offered);
  actions out;
  for (auto& [name, r] : roles_) {
    if (r.at == phase::lost && r.holder == machine && r.wanted.empty()) {
      if (can(machine, name))
        give(name, r, machine, out);
      else
        settle_elsewhere(name, r, machine, out);
    } else if (r.at == phase::waiting && can(machine, name)) {
      give(name, r, machine, out);
    }
  }
  return out;
}

placement_state::actions placement_state::host_down(const std::string& machine, time now) {
  hosts_.erase(machine);
  for (auto& [name, r] : roles_) {
    if (r.holder != machine || r.at == phase::waiting || r.at == phase::lost)
      continue;
    r.at = phase::lost;
    r.since = now;
    r.patience = limits_.grace;
  }
  return tick(now);
}

placement_state::actions placement_state::taken(const std::string& role_name,
                                                const std::string& machine, bool ok,
                                                const std::string& why) {
  actions out;
  const auto i = roles_.find(role_name);
  if (i == roles_.end() || i->second.at != phase::taking || i->second.holder != machine)
    return out;
  auto& r = i->second;
  if (ok) {
    r.at = phase::held;
    if (!r.wanted.empty())
      out.push_back({verb::moved, role_name, machine});
    r.wanted.clear();
    return out;
  }
  if (!std::exchange(r.wanted, {}).empty())
    out.push_back({verb::failed, role_name, machine, why});
  settle_elsewhere(role_name, r, machine, out);
  return out;
}

placement_state::actions placement_state::left(const std::string& role_name,
                                               const std::string& machine) {
  actions out;
  const auto i = roles_.find(role_name);
  if (i == roles_.end() || i->second.at != phase::leaving || i->second.holder != machine)
    return out;
  auto& r = i->second;
  if (can(r.wanted, role_name)) {
    give(role_name, r, r.wanted, out);
    return out;
  }
  // Where it should go has gone meanwhile: it goes on where it was.
  out.push_back({verb::failed, role_name, r.wanted, r.wanted + " is gone"});
  r.wanted.clear();
  if (can(machine, role_name))
    give(role_name, r, machine, out);
  else
    settle_elsewhere(role_name, r, machine, out);
  return out;
}

placement_state::actions placement_state::tick(time now) {
  actions out;
  for (auto& [name, r] : roles_) {
    if (r.at == phase::lost && !r.wanted.empty()) {
      // It was on its way, and its old machine can do nothing with it any more.
      if (can(r.wanted, name)) {
        give(name, r, r.wanted, out);
        continue;
      }
      out.push_back({verb::failed, name, r.wanted, r.wanted + " is gone"});
      r.wanted.clear();
    }
    if (r.at == phase::lost && now - r.since >= r.patience)
      settle_elsewhere(name, r, r.holder, out);
    else if (r.at == phase::held && !can(r.holder, name) && hosts_.contains(r.holder)) {
      // It was allowed, and is no more.
      if (const auto next = choose(name, r.holder); !next.empty()) {
        r.at = phase::leaving;
        r.wanted = next;
        out.push_back({verb::leave, name, r.holder});
      }
    }
  }
  return out;
}

api::result<placement_state::actions> placement_state::move(const std::string& role_name,
                                                            const std::string& to) {
  const auto i = roles_.find(role_name);
  if (i == roles_.end())
    return api::fail(api::reason::not_found, "no role \"" + role_name + "\" that can be moved");
  const auto host = hosts_.find(to);
  if (host == hosts_.end())
    return api::fail(api::reason::not_found, "no machine \"" + to + "\" that could play it");
  if (!offers(host->second, role_name))
    return api::fail(api::reason::bad_request,
                     to + " does not offer " + role_name + "; start it with --roles " + role_name);
  if (!can(to, role_name))
    return api::fail(api::reason::forbidden, to + " may not play " + role_name +
                                                 ": allow system:node:" + to +
                                                 " the verb \"host\" on roles.thespis.dev");
  auto& r = i->second;
  if (r.at == phase::leaving || r.at == phase::taking)
    return api::fail(api::reason::conflict, role_name + " is being moved already");
  actions out;
  if (r.at == phase::held && r.holder == to) {
    out.push_back({verb::moved, role_name, to});
    return out;
  }
  r.wanted = to;
  if (r.at == phase::held) {
    r.at = phase::leaving;
    out.push_back({verb::leave, role_name, r.holder});
  } else {
    give(role_name, r, to, out);
  }
  return out;
}

std::string placement_state::speaks_for(const std::string& role_name) const {
  const auto i = roles_.find(role_name);
  if (i == roles_.end())
    return {};
  const auto& r = i->second;
  const bool speaks = r.at == phase::taking || r.at == phase::held || r.at == phase::leaving;
  return speaks ? r.holder : std::string{};
}

} // namespace thespis::actors
