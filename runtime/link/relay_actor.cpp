#include "runtime/link/relay_actor.hpp"

#include <spdlog/spdlog.h>

namespace thespis::runtime::link {

using namespace std::chrono_literals;

namespace {

constexpr auto look_again = 200ms;

caf::actor_addr address_of(const watcher_handle& w) {
  return w ? w.address() : caf::actor_addr{};
}

} // namespace

relay_actor::relay_actor(caf::actor_config& cfg, relay_deps deps)
    : actor_base(cfg, "relay", deps.resource), deps_(std::move(deps)) {}

relay_actor::behavior_type relay_actor::make_behavior() {
  this->set_down_handler([this](const caf::down_msg& down) {
    if (gateway_ && gateway_.address() == down.source)
      return lose_gateway();
    for (auto i = watches_.begin(); i != watches_.end();) {
      const auto w = i++;
      if (address_of(w->second.watcher) == down.source)
        forget(w);
    }
  });
  find_gateway();
  return {
      [this](const subscribe& s) { begin(s); },
      [this](const watch_ack& a) {
        const auto n = numbers_.find({address_of(a.watcher), a.watch});
        if (n != numbers_.end() && gateway_)
          this->send(gateway_, watch_credit{n->second});
      },
      [this](const unsubscribe& u) { end(address_of(u.watcher), u.watch); },
      [](const progress_request&) {},
      [](const publish&) {},
      [this](watch_batch& b) {
        const auto i = watches_.find(b.watch);
        if (i == watches_.end())
          return;
        trouble_.clear();
        b.watch = i->second.number;
        this->send(i->second.watcher, std::move(b));
      },
      [this](const watch_closed& c) {
        const auto i = watches_.find(c.watch);
        if (i == watches_.end())
          return;
        if (c.why.why != api::reason::expired && c.why.message != trouble_) {
          trouble_ = c.why.message;
          spdlog::warn("the watch of {} ended: {}", deps_.resource, trouble_);
        }
        this->delayed_send(i->second.watcher, deps_.refused_delay,
                           watch_closed{i->second.number, c.why});
        numbers_.erase({address_of(i->second.watcher), i->second.number});
        watches_.erase(i);
      },
      [this](const replica_tick&) { find_gateway(); },
  };
}

void relay_actor::on_exit() {
  // The watchers monitor their registry.
  if (gateway_)
    for (const auto& [number, w] : watches_)
      if (w.open)
        this->send(gateway_, close_watch{number});
  watches_.clear();
  numbers_.clear();
  gateway_ = gateway_handle{};
  actor_base::on_exit();
}

void relay_actor::find_gateway() {
  gateway_ = deps_.links->find<gateway_handle>(gateway_role);
  show_state(gateway_ ? "linked" : "waiting for the link");
  if (!gateway_) {
    this->delayed_send(this, look_again, replica_tick{});
    return;
  }
  this->monitor(gateway_);
  for (auto& [number, w] : watches_)
    if (!std::exchange(w.open, true))
      this->send(gateway_,
                 open_watch{number, deps_.resource, w.what, w.from_revision, deps_.brief});
}

void relay_actor::lose_gateway() {
  gateway_ = gateway_handle{};
  api::error why;
  why.why = api::reason::expired;
  why.message = "the link to the server was lost";
  for (auto i = watches_.begin(); i != watches_.end();) {
    const auto w = i++;
    if (!w->second.open)
      continue;
    this->send(w->second.watcher, watch_closed{w->second.number, why});
    forget(w);
  }
  // Not at once: the directory has the dead one until the uplink has heard of it, too.
  show_state("waiting for the link");
  this->delayed_send(this, look_again, replica_tick{});
}

void relay_actor::begin(const subscribe& s) {
  if (!s.watcher)
    return;
  const auto watcher = address_of(s.watcher);
  end(watcher, s.watch);
  if (numbers_.lower_bound({watcher, 0}) == numbers_.end() ||
      numbers_.lower_bound({watcher, 0})->first.first != watcher)
    this->monitor(s.watcher);
  const auto number = next_++;
  numbers_[{watcher, s.watch}] = number;
  auto& w = watches_[number];
  w = {s.watcher, s.watch, s.what, s.from_revision, false};
  if (!gateway_)
    return;
  w.open = true;
  this->send(gateway_, open_watch{number, deps_.resource, w.what, w.from_revision, deps_.brief});
}

void relay_actor::end(const caf::actor_addr& watcher, uint64_t number) {
  const auto n = numbers_.find({watcher, number});
  if (n != numbers_.end())
    forget(watches_.find(n->second));
}

void relay_actor::forget(std::map<uint64_t, watch>::iterator i) {
  if (gateway_ && i->second.open)
    this->send(gateway_, close_watch{i->first});
  numbers_.erase({address_of(i->second.watcher), i->second.number});
  watches_.erase(i);
}

std::string relay_actor::describe() const {
  return "{\"resource\":\"" + deps_.resource + "\",\"watches\":" + std::to_string(watches_.size()) +
         ",\"linked\":" + (gateway_ ? "true" : "false") + "}";
}

} // namespace thespis::runtime::link
