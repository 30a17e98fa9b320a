#include "tools/cluster/introspect/actor_watch_actor.hpp"

#include <algorithm>

namespace thespis::tools {

using namespace std::chrono_literals;

namespace {

constexpr auto least_pause = 2s;
/// Of looking: it may take a fiftieth of the time.
constexpr int pause_factor = 50;

class actor_handle final : public api::rest::watch_handle {
public:
  explicit actor_handle(actor_watch_handle watch) : watch_(std::move(watch)) {}
  ~actor_handle() override { caf::anon_send_exit(watch_, caf::exit_reason::user_shutdown); }
  void ack() override { caf::anon_send(watch_, actor_watcher_ready{}); }
  void progress() override { caf::anon_send(watch_, actor_watcher_wants_progress{}); }

private:
  actor_watch_handle watch_;
};

} // namespace

actor_watch_actor::behavior_type actor_watch_actor::make_behavior() {
  begin();
  return {
      [this](const look_again&) {
        asked_ = this->clock().now().time_since_epoch();
        const auto self = caf::actor_cast<actor_watch_handle>(this);
        refresh_actors(this->system(), deps_.env, deps_.objects, [self](const api::listing& l) {
          caf::anon_send(self, actors_seen{std::make_shared<const api::listing>(l)});
        });
      },
      [this](const actors_seen& s) {
        const auto took = this->clock().now().time_since_epoch() - asked_;
        this->delayed_send(this,
                           std::max<std::chrono::nanoseconds>(least_pause, took * pause_factor),
                           look_again{});
        // One who has not taken the last batch gets the sum of all changes with the next.
        if (ready_)
          tell(*s.list);
      },
      [this](const actor_watcher_ready&) { ready_ = true; },
      [this](const actor_watcher_wants_progress&) {
        if (!ready_ || !deps_.callbacks.events)
          return;
        ready_ = false;
        deps_.callbacks.events({told_.revision, false, {}});
      },
  };
}

void actor_watch_actor::begin() {
  if (deps_.matchers) {
    auto m = deps_.matchers(std::string{actors_resource}, deps_.what);
    if (!m) {
      close(m.error());
      return;
    }
    matches_ = std::move(*m);
  }
  initial_ = deps_.from_revision == 0;
  if (!initial_ && !deps_.objects->find(deps_.from_revision, told_)) {
    api::error e;
    e.why = api::reason::expired;
    e.message = "too old resource version: " + std::to_string(deps_.from_revision);
    close(std::move(e));
    return;
  }
  this->send(this, look_again{});
}

bool actor_watch_actor::wanted(const api::object& o) const {
  return (deps_.what.name.empty() || deps_.what.name == o.name()) && (!matches_ || matches_(o));
}

void actor_watch_actor::tell(const api::listing& now) {
  auto events = changes_between(told_, now);
  std::erase_if(events, [&](const api::watch_event& e) { return !wanted(*e.object); });
  told_ = now;
  if ((events.empty() && !initial_) || !deps_.callbacks.events)
    return;
  ready_ = false;
  deps_.callbacks.events({now.revision, std::exchange(initial_, false), std::move(events)});
}

void actor_watch_actor::close(api::error why) {
  if (auto closed = std::exchange(deps_.callbacks.closed, nullptr))
    closed(std::move(why));
}

std::unique_ptr<api::rest::watch_handle> watch_actors(caf::actor_system& sys,
                                                      actor_watch_deps deps) {
  return std::make_unique<actor_handle>(sys.spawn<actor_watch_actor>(std::move(deps)));
}

} // namespace thespis::tools
