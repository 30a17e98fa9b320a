#include "runtime/registry/registry_state.hpp"

#include <algorithm>

namespace thespis::runtime {

namespace {

/// What an object and its place in the window take beside its bytes, about.
constexpr size_t overhead = 1024;

api::error expired(uint64_t asked, uint64_t floor) {
  api::error res;
  res.why = api::reason::expired;
  res.message =
      "too old resource version: " + std::to_string(asked) + " (" + std::to_string(floor + 1) + ")";
  return res;
}

} // namespace

registry_state::registry_state(std::string resource, std::shared_ptr<const api::reader> snapshot,
                               matcher_factory matchers, window_limits limits)
    : resource_(std::move(resource)), snapshot_(std::move(snapshot)),
      matchers_(std::move(matchers)), limits_(limits), floor_(snapshot_->revision()),
      head_(floor_) {}

bool registry_state::selects(const watcher& w, const api::object& o) const {
  const auto& want = w.what;
  return (want.ns.empty() || want.ns == o.ns()) && (want.name.empty() || want.name == o.name()) &&
         (want.node_name.empty() || want.node_name == o.meta().node_name) &&
         (!w.matches || w.matches(o));
}

bool registry_state::translate(const watcher& w, const event& e,
                               std::vector<api::watch_event>& out) const {
  if (e.revision() <= w.skip_until)
    return false;
  const bool before = e.previous && selects(w, *e.previous);
  const bool after = e.kind != api::event_kind::deleted && selects(w, *e.object);
  if (!before && !after)
    return false;
  const auto kind = before && after ? api::event_kind::modified
                    : after         ? api::event_kind::added
                                    : api::event_kind::deleted;
  out.push_back({kind, e.object.ptr});
  return true;
}

std::vector<watcher_id>* registry_state::bucket(const watcher& w, bool create) {
  const auto pick = [&](auto& map, const std::string& key) -> std::vector<watcher_id>* {
    if (create)
      return &map[key];
    const auto i = map.find(key);
    return i == map.end() ? nullptr : &i->second;
  };
  if (!w.what.name.empty())
    return pick(by_name_, w.what.name);
  if (!w.what.node_name.empty())
    return pick(by_node_, w.what.node_name);
  if (!w.what.ns.empty())
    return pick(by_ns_, w.what.ns);
  return &everything_;
}

void registry_state::index(watcher_id id, const watcher& w, bool add) {
  auto* ids = bucket(w, add);
  if (!ids)
    return;
  if (add) {
    ids->push_back(id);
    return;
  }
  ids->erase(std::remove(ids->begin(), ids->end(), id), ids->end());
  if (!ids->empty() || ids == &everything_)
    return;
  if (!w.what.name.empty())
    by_name_.erase(w.what.name);
  else if (!w.what.node_name.empty())
    by_node_.erase(w.what.node_name);
  else
    by_ns_.erase(w.what.ns);
}

template <class F>
void registry_state::for_candidates(const event& e, F f) const {
  const auto visit = [&](const auto& map, const std::string& key) {
    if (const auto i = map.find(key); i != map.end())
      for (const auto id : i->second)
        f(id);
  };
  for (const auto id : everything_)
    f(id);
  if (!by_ns_.empty())
    visit(by_ns_, e.object->ns());
  if (!by_name_.empty())
    visit(by_name_, e.object->name());
  if (!by_node_.empty()) {
    const auto& node = e.object->meta().node_name;
    visit(by_node_, node);
    // A change of node must also reach those who watch the old one.
    if (e.previous && e.previous->meta().node_name != node)
      visit(by_node_, e.previous->meta().node_name);
  }
}

api::result<std::vector<delivery>>
registry_state::subscribe(watcher_id id, const api::selection& what, uint64_t from_revision) {
  watcher w;
  w.what = what;
  if (!what.label_selector.empty() || !what.field_selector.empty()) {
    auto made = matchers_(resource_, what);
    if (!made)
      return api::fail(std::move(made.error()));
    w.matches = std::move(*made);
  }
  std::vector<delivery> res;
  if (from_revision == 0) {
    // The snapshot is never behind the window: its commit was applied before it was published.
    auto present = snapshot_->list(resource_, what.ns);
    delivery first{id, {std::max(present.revision, head_), true, {}}};
    for (auto& o : present.objects)
      if (selects(w, *o))
        first.what.events.push_back({api::event_kind::added, std::move(o)});
    w.skip_until = present.revision;
    w.cursor = next_number_;
    w.idle = false;
    res.push_back(std::move(first));
  } else if (from_revision < floor_) {
    return api::fail(expired(from_revision, floor_));
  } else {
    w.skip_until = from_revision;
    const auto next = std::upper_bound(
        window_.begin(), window_.end(), from_revision,
        [](uint64_t revision, const entry& e) { return revision < e.what.revision(); });
    w.cursor = first_number() + static_cast<uint64_t>(next - window_.begin());
    res = resume(id, w);
  }
  unsubscribe(id);
  index(id, w, true);
  watchers_.emplace(id, std::move(w));
  return res;
}

void registry_state::unsubscribe(watcher_id id) {
  const auto i = watchers_.find(id);
  if (i == watchers_.end())
    return;
  index(id, i->second, false);
  watchers_.erase(i);
}

std::vector<delivery> registry_state::resume(watcher_id id, watcher& w) {
  delivery next{id, {head_, false, {}}};
  for (auto n = w.cursor; n < next_number_; ++n)
    translate(w, window_[n - first_number()].what, next.what.events);
  w.cursor = next_number_;
  w.idle = next.what.events.empty() && !w.wants_progress;
  w.wants_progress = false;
  if (w.idle)
    return {};
  next.what.revision = std::max(head_, w.skip_until);
  return {std::move(next)};
}

api::result<std::vector<delivery>> registry_state::ack(watcher_id id) {
  const auto i = watchers_.find(id);
  if (i == watchers_.end() || i->second.idle)
    return std::vector<delivery>{};
  if (i->second.cursor < first_number()) {
    const auto seen = i->second.skip_until;
    unsubscribe(id);
    return api::fail(expired(seen, floor_));
  }
  return resume(id, i->second);
}

std::vector<delivery> registry_state::progress(watcher_id id) {
  const auto i = watchers_.find(id);
  if (i == watchers_.end())
    return {};
  auto& w = i->second;
  w.wants_progress = true;
  if (!w.idle)
    return {};
  w.cursor = next_number_;
  return resume(id, w);
}

std::vector<delivery> registry_state::publish(std::vector<event> events, time_point now) {
  std::unordered_map<watcher_id, std::vector<api::watch_event>> due;
  for (auto& e : events) {
    head_ = e.revision();
    for_candidates(e, [&](watcher_id id) {
      auto& w = watchers_.at(id);
      if (w.idle)
        translate(w, e, due[id]);
    });
    // A previous state is shared with the event before it.
    const auto bytes = e.object->bytes().size() + overhead;
    window_bytes_ += bytes;
    window_.push_back({std::move(e), now, bytes});
    ++next_number_;
  }
  std::vector<delivery> res;
  for (auto& [id, changes] : due) {
    if (changes.empty())
      continue;
    auto& w = watchers_.at(id);
    w.idle = false;
    w.cursor = next_number_;
    res.push_back({id, {head_, false, std::move(changes)}});
  }
  trim(now);
  return res;
}

void registry_state::trim(time_point now) {
  while (!window_.empty()) {
    const auto& oldest = window_.front();
    const bool over = window_.size() > limits_.max_events || window_bytes_ > limits_.max_bytes;
    const bool old = window_.size() > limits_.min_events && now - oldest.at > limits_.max_age;
    if (!over && !old)
      return;
    floor_ = oldest.what.revision();
    window_bytes_ -= oldest.bytes;
    window_.pop_front();
  }
}

} // namespace thespis::runtime
