#include "actors/framework/event_recorder.hpp"

#include "api/generated/core_v1_event.hpp"
#include "api/text/time.hpp"

#include <algorithm>
#include <cstdio>

namespace thespis::actors {

namespace {

/// Kubernetes cuts event messages at this length.
constexpr size_t max_message = 1024;
/// An Event that has not happened again for so long may have expired: a new one is made.
constexpr std::chrono::minutes forgotten{30};

object_id event_id(const api::object& about, uint64_t suffix) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(suffix));
  return {about.ns().empty() ? "default" : about.ns(), about.name() + "." + digits};
}

} // namespace

bool event_recorder::take_token(const std::string& uid, wall_time now) {
  // A full bucket is as good as none.
  if (buckets_.size() > remembered)
    std::erase_if(buckets_, [&](const auto& b) {
      return b.second.tokens + (now - b.second.at) / refill >= burst;
    });
  const auto [i, fresh] = buckets_.try_emplace(std::hash<std::string>{}(uid));
  auto& b = i->second;
  if (!fresh)
    b.tokens = std::min(burst, b.tokens + std::chrono::duration<double>(now - b.at) / refill);
  b.at = now;
  if (b.tokens < 1)
    return false;
  b.tokens -= 1;
  return true;
}

std::optional<api::call> event_recorder::record(const event_note& note, wall_time now) {
  const auto& about = *note.about;
  if (!take_token(about.uid(), now))
    return std::nullopt;
  const auto stamp = api::format_time(now);
  auto message = note.message.substr(0, max_message);
  const auto key = std::hash<std::string>{}(about.uid() + '/' + note.field_path + '/' + note.type +
                                            '/' + note.reason + '/' + message);
  if (const auto i = known_.find(key); i != known_.end() && now - i->second.last < forgotten) {
    const auto count = ++i->second.count;
    i->second.last = now;
    return patch_call("events", event_id(about, i->second.suffix),
                      "{\"count\":" + std::to_string(count) + ",\"lastTimestamp\":\"" + stamp +
                          "\"}");
  }
  api::v1::event e;
  const auto suffix = random_->next();
  auto id = event_id(about, suffix);
  e.metadata.namespace_ = std::move(id.ns);
  e.metadata.name = std::move(id.name);
  e.involved_object.kind = note.kind;
  e.involved_object.api_version = note.api_version;
  e.involved_object.namespace_ = about.ns();
  e.involved_object.name = about.name();
  e.involved_object.uid = about.uid();
  e.involved_object.resource_version = std::to_string(about.revision());
  e.involved_object.field_path = note.field_path;
  e.type = note.type;
  e.reason = note.reason;
  e.message = std::move(message);
  e.count = 1;
  e.first_timestamp = e.last_timestamp = stamp;
  e.source.emplace().component = component_;
  e.source->host = host_;
  e.reporting_component = component_;
  e.reporting_instance = host_;
  const known entry{suffix, 1, now};
  if (known_.insert_or_assign(key, entry).second)
    order_.push_back(key);
  if (order_.size() > remembered) {
    known_.erase(order_.front());
    order_.pop_front();
  }
  return create_call(e);
}

} // namespace thespis::actors
