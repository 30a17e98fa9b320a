#include "runtime/registry/registry_actor.hpp"

namespace thespis::runtime {

namespace {

constexpr std::chrono::seconds trim_interval{15};

} // namespace

registry_actor::registry_actor(caf::actor_config& cfg, registry_deps deps)
    : actor_base(cfg, "registry", deps.resource), resource_(deps.resource),
      state_(std::move(deps.resource), std::move(deps.snapshot), std::move(deps.matchers),
             deps.limits) {}

registry_actor::behavior_type registry_actor::make_behavior() {
  this->set_down_handler([this](const caf::down_msg& down) { forget(down.source); });
  this->delayed_send(this, trim_interval, registry_tick{});
  show_state("serving");
  return {
      [this](const subscribe& s) { handle(s); },
      [this](const watch_ack& a) {
        const auto id = find(a.watcher, a.watch);
        if (auto due = state_.ack(id))
          deliver(std::move(*due));
        else
          close(id, std::move(due.error()));
      },
      [this](const unsubscribe& u) {
        const auto id = find(u.watcher, u.watch);
        state_.unsubscribe(id);
        handles_.erase(id);
        ids_.erase({u.watcher.address(), u.watch});
      },
      [this](const progress_request& p) { deliver(state_.progress(find(p.watcher, p.watch))); },
      [this](publish& p) { deliver(state_.publish(std::move(p.events), now())); },
      [this](const registry_tick&) {
        state_.trim(now());
        this->delayed_send(this, trim_interval, registry_tick{});
      },
  };
}

registry_state::time_point registry_actor::now() const {
  return registry_state::time_point{this->clock().now().time_since_epoch()};
}

watcher_id registry_actor::find(const watcher_handle& watcher, uint64_t watch) const {
  const auto i = ids_.find({watcher.address(), watch});
  return i == ids_.end() ? 0 : i->second;
}

void registry_actor::handle(const subscribe& s) {
  const auto id = next_id_++;
  auto first = state_.subscribe(id, s.what, s.from_revision);
  if (!first) {
    this->send(s.watcher, watch_closed{s.watch, std::move(first.error())});
    return;
  }
  // Who begins a watch again under the same number has given up the one before.
  if (const auto before = find(s.watcher, s.watch)) {
    state_.unsubscribe(before);
    handles_.erase(before);
  }
  ids_[{s.watcher.address(), s.watch}] = id;
  handles_[id] = {s.watcher, s.watch};
  this->monitor(s.watcher);
  deliver(std::move(*first));
}

void registry_actor::deliver(std::vector<delivery> due) {
  for (auto& d : due) {
    const auto i = handles_.find(d.watcher);
    if (i != handles_.end())
      this->send(i->second.first, watch_batch{i->second.second, std::move(d.what)});
  }
}

void registry_actor::close(watcher_id id, api::error why) {
  const auto i = handles_.find(id);
  if (i == handles_.end())
    return;
  this->send(i->second.first, watch_closed{i->second.second, std::move(why)});
  ids_.erase({i->second.first.address(), i->second.second});
  handles_.erase(i);
}

void registry_actor::forget(const caf::actor_addr& watcher) {
  auto i = ids_.lower_bound({watcher, 0});
  while (i != ids_.end() && i->first.first == watcher) {
    state_.unsubscribe(i->second);
    handles_.erase(i->second);
    i = ids_.erase(i);
  }
}

std::string registry_actor::describe() const {
  return "{\"resource\":\"" + resource_ + "\",\"watchers\":" + std::to_string(state_.watchers()) +
         ",\"window\":" + std::to_string(state_.window_size()) +
         ",\"revision\":" + std::to_string(state_.head()) + "}";
}

} // namespace thespis::runtime
