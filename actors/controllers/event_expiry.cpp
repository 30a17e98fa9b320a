#include "actors/controllers/event_expiry.hpp"

#include "api/text/time.hpp"

namespace thespis::actors {

namespace {

/// When the event last happened, by whichever field its author filled in.
wall_time last_seen(const api::object& o) {
  // Read from the document: a struct of every event would stay in memory.
  const auto doc = o.parse();
  wall_time res{};
  const auto take = [&](std::initializer_list<std::string_view> path) {
    if (const auto* v = api::json::at(doc, path))
      if (const auto t = api::parse_time(api::json::as_string(*v)))
        res = std::max(res, *t);
  };
  take({"lastTimestamp"});
  take({"eventTime"});
  take({"series", "lastObservedTime"});
  take({"metadata", "creationTimestamp"});
  return res;
}

class event_expiry final : public reconciler {
public:
  explicit event_expiry(const event_expiry_deps& deps) : deps_(deps) {}

  std::string_view name() const override { return "eventttl"; }

  std::vector<watch_spec> watches() const override {
    return {
        {"events", [](const api::object& o, const api::object_ptr& previous, const view&) {
           // A repeated event is found to be younger when its time comes.
           return previous ? std::vector<object_id>{} : std::vector<object_id>{{o.ns(), o.name()}};
         }}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    reconcile_result res;
    const auto e = v.find("events", key.ns, key.name);
    if (!e)
      return res;
    const auto due = last_seen(*e) + deps_.ttl;
    if (due > now)
      res.requeue_after = due - now;
    else
      res.calls.push_back(delete_call(*e));
    return res;
  }

private:
  const event_expiry_deps deps_;
};

} // namespace

std::unique_ptr<reconciler> make_event_expiry(const event_expiry_deps& deps) {
  return std::make_unique<event_expiry>(deps);
}

} // namespace thespis::actors
