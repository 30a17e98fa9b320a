#include "runtime/link/replica_actor.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

namespace thespis::runtime::link {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds look_again{200};
constexpr std::chrono::milliseconds longest_wait{10'000};
constexpr auto references_deadline = 5s;

} // namespace

replica_actor::replica_actor(caf::actor_config& cfg, replica_deps deps)
    : actor_base(cfg, "replica", deps.resource), deps_(std::move(deps)) {}

replica_actor::behavior_type replica_actor::make_behavior() {
  this->set_down_handler([this](const caf::down_msg& down) {
    if (gateway_ && gateway_.address() == down.source)
      disconnect();
    else if (registry_ && registry_.address() == down.source)
      start_registry();
  });
  connect();
  return {
      [this](const watch_batch& b) { take(b); },
      [this](const watch_closed& c) {
        if (c.watch != watch_)
          return;
        if (c.why.why != api::reason::expired)
          return refused(c.why);
        revision_ = 0;
        disconnect();
      },
      [this](const replica_tick& t) {
        if (t.generation == tick_)
          connect();
      },
  };
}

void replica_actor::on_exit() {
  if (registry_) {
    deps_.env.roles->erase(registry_role(deps_.resource), registry_.address());
    this->send_exit(registry_, caf::exit_reason::user_shutdown);
  }
  registry_ = registry_handle{};
  gateway_ = gateway_handle{};
  actor_base::on_exit();
}

void replica_actor::connect_later() {
  connect_later(look_again);
}

void replica_actor::connect_later(std::chrono::milliseconds wait) {
  this->delayed_send(this, wait, replica_tick{++tick_});
}

/// Somebody may allow it later; until then it is asked less and less often.
void replica_actor::refused(const api::error& why) {
  if (why.message != trouble_)
    spdlog::warn("the watch of {} ended: {}", deps_.resource, why.message);
  trouble_ = why.message;
  disconnect();
  show_state("refused");
  patience_ = std::clamp(patience_ * 2, look_again, longest_wait);
  connect_later(patience_);
}

void replica_actor::connect() {
  gateway_ = deps_.links->find<gateway_handle>(gateway_role);
  if (!gateway_)
    return connect_later();
  this->monitor(gateway_);
  listing_ = revision_ == 0;
  arriving_.clear();
  show_state(listing_ ? "listing" : "watching");
  this->send(gateway_,
             open_watch{++watch_, deps_.resource, deps_.what, revision_, false, deps_.as});
}

void replica_actor::disconnect() {
  if (gateway_)
    this->demonitor(gateway_.address());
  gateway_ = gateway_handle{};
  show_state("waiting for the link");
  connect_later();
}

void replica_actor::take(const watch_batch& batch) {
  if (batch.watch != watch_ || !gateway_)
    return;
  patience_ = {};
  trouble_.clear();
  const auto references = deps_.links->find<references_handle>(references_role);
  auto needed = deps_.references && references ? deps_.references(batch.what.events)
                                               : std::vector<reference>{};
  if (needed.empty()) {
    apply(batch.what);
    return;
  }
  const auto go_on = [this, batch] {
    if (batch.watch == watch_)
      apply(batch.what);
  };
  this->request(references, references_deadline, need_references{std::move(needed)})
      .then([go_on](references_ready) { go_on(); }, [go_on](const caf::error&) { go_on(); });
}

void replica_actor::acknowledge() {
  if (gateway_)
    this->send(gateway_, watch_credit{watch_});
}

void replica_actor::apply(const api::watch_events& what) {
  if (listing_) {
    for (const auto& e : what.events)
      arriving_.push_back(e.object);
    if (what.initial_end)
      install(what);
    return acknowledge();
  }
  std::vector<snapshots::change> changes;
  publish news;
  auto revision = std::max(revision_, what.revision);
  for (const auto& e : what.events) {
    auto before = deps_.copy->get(deps_.resource, e.object->ns(), e.object->name());
    const bool gone = e.kind == api::event_kind::deleted;
    if (gone && !before)
      continue;
    changes.push_back({gone ? nullptr : e.object, gone ? before : nullptr});
    const auto kind = gone     ? api::event_kind::deleted
                      : before ? api::event_kind::modified
                               : api::event_kind::added;
    news.events.push_back({kind, e.object, before});
    revision = std::max(revision, e.object->revision());
  }
  revision_ = revision;
  deps_.copy->apply(changes, revision_);
  if (!news.events.empty() && registry_)
    this->send(registry_, std::move(news));
  acknowledge();
}

/// The whole state has come: it takes the place of what was known.
void replica_actor::install(const api::watch_events& last) {
  std::set<std::pair<std::string, std::string>> present;
  std::vector<snapshots::change> changes;
  for (auto& o : arriving_) {
    present.emplace(o->ns(), o->name());
    changes.push_back({std::move(o), nullptr});
  }
  arriving_.clear();
  for (const auto& o : deps_.copy->list(deps_.resource).objects)
    if (!present.contains({o->ns(), o->name()}))
      changes.push_back({nullptr, o});
  revision_ = last.revision;
  listing_ = false;
  deps_.copy->apply(changes, revision_);
  show_state("watching");
  start_registry();
}

void replica_actor::start_registry() {
  if (registry_) {
    this->demonitor(registry_.address());
    this->send_exit(registry_, caf::exit_reason::user_shutdown);
  }
  const auto started = this->spawn<registry_actor>(
      registry_deps{deps_.resource, deps_.copy, deps_.matchers, deps_.window});
  registry_ = started;
  this->monitor(registry_);
  deps_.env.roles->put(registry_role(deps_.resource),
                       caf::actor_cast<caf::strong_actor_ptr>(registry_));
}

std::string replica_actor::describe() const {
  return "{\"resource\":\"" + deps_.resource + "\",\"revision\":" + std::to_string(revision_) +
         ",\"linked\":" + (gateway_ ? "true" : "false") + "}";
}

} // namespace thespis::runtime::link
