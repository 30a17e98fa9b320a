#include "actors/controllers/event_expiry.hpp"

#include "api/text/time.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

namespace thespis::actors {

namespace {

/// When the event last happened, by whichever field its author filled in.
wall_time last_seen(const api::object& o) {
  // Events are many: their bytes are searched, not parsed. A member's name between bare quotation
  // marks stands nowhere else, for a string's own are escaped.
  const std::string_view bytes = o.bytes();
  wall_time res{};
  for (const std::string_view key : {"\"lastTimestamp\":\"", "\"eventTime\":\"",
                                     "\"lastObservedTime\":\"", "\"creationTimestamp\":\""}) {
    const auto at = bytes.find(key);
    if (at == std::string_view::npos)
      continue;
    const auto text = bytes.substr(at + key.size());
    if (const auto t = api::parse_time(text.substr(0, text.find('"'))))
      res = std::max(res, *t);
  }
  return res;
}

class event_expiry final : public reconciler {
public:
  explicit event_expiry(const event_expiry_deps& deps) : deps_(deps) {}

  std::string_view name() const override { return "eventttl"; }

  std::vector<watch_spec> watches() const override {
    // One key for all: a timer for each would be more than the event is.
    return {{"events", [](const api::object&, const api::object_ptr& previous, const view&) {
               return previous ? std::vector<object_id>{} : std::vector<object_id>{{{}, "expiry"}};
             }}};
  }

  reconcile_result reconcile(const object_id&, const view& v, wall_time now) override {
    reconcile_result res;
    // What came since the last look is younger than what was the oldest then.
    if (now < next_look_) {
      res.requeue_after = next_look_ - now;
      return res;
    }
    auto old = std::make_shared<std::vector<api::object_ptr>>();
    auto next = now + deps_.ttl;
    v.for_each("events", {}, [&](const api::object_ptr& o) {
      const auto due = last_seen(*o) + deps_.ttl;
      if (due <= now)
        old->push_back(o);
      else
        next = std::min(next, due);
    });
    const auto pause = std::min<std::chrono::nanoseconds>(longest_pause, deps_.ttl / 10);
    next_look_ = std::max(next, now + pause);
    if (v.count("events") > 0)
      res.requeue_after = next_look_ - now;
    return remove(std::move(old), std::move(res));
  }

private:
  /// Events expire in steps of at most this, so that they are not all looked at for each one.
  static constexpr std::chrono::minutes longest_pause{1};
  static constexpr size_t calls_a_step = 256;

  static reconcile_result remove(std::shared_ptr<std::vector<api::object_ptr>> old,
                                 reconcile_result res) {
    for (; !old->empty() && res.calls.size() < calls_a_step; old->pop_back())
      res.calls.push_back(delete_call(*old->back()));
    if (!old->empty())
      res.then = [old](const std::vector<call_result>&) { return remove(old, {}); };
    return res;
  }

  wall_time next_look_{};
  const event_expiry_deps deps_;
};

} // namespace

std::unique_ptr<reconciler> make_event_expiry(const event_expiry_deps& deps) {
  return std::make_unique<event_expiry>(deps);
}

} // namespace thespis::actors
