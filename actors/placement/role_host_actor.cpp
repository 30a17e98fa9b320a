#include "actors/placement/role_host_actor.hpp"

#include "api/json.hpp"

#include <spdlog/spdlog.h>

namespace thespis::actors {

using namespace std::chrono_literals;

namespace {

constexpr auto start_deadline = 20s;
/// Longer than any call lives.
constexpr auto drain_deadline = 180s;

} // namespace

role_host_actor::behavior_type role_host_actor::make_behavior() {
  this->set_down_handler([this](const caf::down_msg& down) { on_down(down); });
  show_state("hosting");
  return {
      [this](const host_query&) {
        host_report res{deps_.offers, {}};
        for (const auto& [role, p] : roles_)
          res.runs.push_back(role);
        return res;
      },
      [this](const take_role& t) { return take(t); },
      [this](const leave_role& l) { return leave(l.role); },
  };
}

void role_host_actor::on_exit() {
  for (const auto& [role, p] : roles_) {
    this->send(deps_.supervisor, runtime::dismiss{p.player});
    for (const auto& h : p.helpers)
      this->send(deps_.supervisor, runtime::dismiss{h});
  }
  roles_.clear();
  actor_base::on_exit();
}

void role_host_actor::start(runtime::child_spec spec) {
  caf::anon_send(deps_.supervisor,
                 runtime::supervise{std::make_shared<const runtime::child_spec>(std::move(spec))});
}

caf::result<role_taken> role_host_actor::take(const take_role& t) {
  // The promise takes the sender with it.
  const auto boss = caf::actor_cast<caf::actor_addr>(this->current_sender());
  auto promise = this->make_response_promise<role_taken>();
  request_to_take wish{t, boss, promise};
  const auto i = roles_.find(t.role);
  if (i == roles_.end())
    begin(std::move(wish));
  else if (i->second.leaves)
    i->second.next = std::move(wish); // it begins anew when it has ended
  else
    promise.deliver(role_taken{false, "it runs there already"});
  return caf::delegated<role_taken>{};
}

void role_host_actor::begin(request_to_take wish) {
  const auto& t = wish.what;
  const auto requests = role_requests_role(t.role);
  auto parts = deps_.make(t, requests);
  if (!parts) {
    wish.promise.deliver(role_taken{false, parts.error().message});
    return;
  }
  auto& p = roles_[t.role];
  p.player = parts->player.role;
  p.boss = wish.boss;
  if (p.boss && bosses_.insert(p.boss).second)
    this->monitor(p.boss);
  start({requests,
         [env = deps_.env, role = t.role, requests, where = parts->where](caf::local_actor& self) {
           auto actor = caf::actor_cast<caf::strong_actor_ptr>(
               self.home_system().spawn<role_requests_actor>(role_requests_deps{env, role}));
           if (where)
             where->put(requests, actor);
           return actor;
         }});
  p.helpers.push_back(requests);
  for (auto& h : parts->helpers) {
    p.helpers.push_back(h.role);
    start(std::move(h));
  }
  auto player = std::make_shared<const runtime::child_spec>(std::move(parts->player));
  this->request(deps_.supervisor, start_deadline, runtime::supervise{std::move(player)})
      .then([this, role = t.role,
             promise = wish.promise](const runtime::supervised&) { begun(role, promise, {}); },
            [this, role = t.role, promise = wish.promise](const caf::error& e) {
              begun(role, promise, this->system().render(e));
            });
}

/// `trouble` is empty when the player runs.
void role_host_actor::begun(const std::string& role,
                            caf::typed_response_promise<role_taken> promise,
                            const std::string& trouble) {
  if (trouble.empty())
    spdlog::info("{} runs here now", role);
  promise.deliver(role_taken{trouble.empty(), trouble});
  auto& p = roles_.at(role);
  p.ready = true;
  if (p.leaves || !trouble.empty())
    end_player(role);
}

caf::result<role_left> role_host_actor::leave(const std::string& role) {
  const auto i = roles_.find(role);
  if (i == roles_.end())
    return role_left{};
  auto promise = this->make_response_promise<role_left>();
  i->second.waiting.push_back(promise);
  if (auto& next = i->second.next)
    next->promise.deliver(role_taken{false, "it was taken back"});
  i->second.next.reset();
  if (!std::exchange(i->second.leaves, true) && i->second.ready)
    end_player(role);
  return caf::delegated<role_left>{};
}

void role_host_actor::end_player(const std::string& role) {
  auto& p = roles_.at(role);
  p.leaves = true;
  const auto player = deps_.env.roles->find<caf::actor>(p.player);
  this->send(deps_.supervisor, runtime::dismiss{p.player});
  if (!player)
    return drain(role);
  p.ending = player.address();
  this->monitor(player);
}

/// The player is gone, and all that it sent is in the mailbox before this.
void role_host_actor::drain(const std::string& role) {
  const auto requests = deps_.env.roles->find<role_requests_handle>(role_requests_role(role));
  if (!requests)
    return finish(role);
  this->request(requests, drain_deadline, drain_calls{})
      .then([this, role](const calls_drained&) { finish(role); },
            [this, role](const caf::error&) { finish(role); });
}

void role_host_actor::finish(const std::string& role) {
  const auto i = roles_.find(role);
  if (i == roles_.end())
    return;
  for (const auto& h : i->second.helpers)
    this->send(deps_.supervisor, runtime::dismiss{h});
  auto waiting = std::move(i->second.waiting);
  auto next = std::move(i->second.next);
  roles_.erase(i);
  spdlog::info("{} does not run here any more", role);
  for (auto& w : waiting)
    w.deliver(role_left{});
  if (next)
    begin(std::move(*next));
}

void role_host_actor::on_down(const caf::down_msg& down) {
  bosses_.erase(down.source);
  std::vector<std::string> bereft, ended;
  for (auto& [role, p] : roles_) {
    if (p.ending == down.source && p.leaves) {
      p.ending = nullptr;
      ended.push_back(role);
    } else if (p.boss == down.source && !std::exchange(p.leaves, true) && p.ready) {
      bereft.push_back(role);
    }
  }
  for (const auto& role : ended)
    drain(role);
  for (const auto& role : bereft)
    end_player(role);
}

std::string role_host_actor::describe() const {
  const auto texts = [](const auto& all, auto text) {
    std::string res;
    for (const auto& x : all)
      res += (res.empty() ? "" : ",") + api::json::quote(text(x));
    return "[" + res + "]";
  };
  return "{\"offers\":" + texts(deps_.offers, [](const auto& o) { return o; }) +
         ",\"plays\":" + texts(roles_, [](const auto& r) { return r.first; }) + "}";
}

} // namespace thespis::actors
