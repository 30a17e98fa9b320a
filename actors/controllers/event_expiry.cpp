#include "actors/controllers/event_expiry.hpp"

#include "api/text/time.hpp"

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
