#include "api/rest/listing_cache.hpp"

#include "api/json.hpp"
#include "api/text/base64.hpp"

namespace thespis::api::rest {

std::string continue_token::encode() const {
  return encode_base64url(
      "{\"v\":\"meta.k8s.io/v1\",\"rv\":" + (revision == 0 ? "-1" : std::to_string(revision)) +
      ",\"start\":" + json::quote(start) + "}");
}

result<continue_token> continue_token::decode(std::string_view text) {
  auto refuse = [](std::string_view why) {
    return fail(bad_request("continue key is not valid: " + std::string(why)));
  };
  auto plain = text.size() > 4096 ? std::nullopt : decode_base64url(text);
  if (!plain)
    return refuse("illegal base64 data");
  auto doc = json::parse(*plain);
  if (!doc || !doc->IsObject() || json::get_string(*doc, "v") != "meta.k8s.io/v1")
    return refuse("unknown format");
  continue_token token;
  auto revision = json::get_int(*doc, "rv");
  token.start = json::get_string(*doc, "start");
  if (revision == 0 || revision < -1 || token.start.empty())
    return refuse("incorrect encoded start resourceVersion or key");
  token.revision = revision < 0 ? 0 : static_cast<uint64_t>(revision);
  return token;
}

listing_cache::listing_cache(size_t max_entries, std::chrono::milliseconds lifetime)
    : max_entries_(max_entries), lifetime_(lifetime) {}

void listing_cache::put(std::string_view resource, std::string_view ns, listing_ptr l) {
  auto now = std::chrono::steady_clock::now();
  std::lock_guard lock(mutex_);
  expire(now);
  for (auto& e : entries_)
    if (e.resource == resource && e.ns == ns && e.state->revision == l->revision)
      return;
  entries_.push_front({std::string(resource), std::string(ns), std::move(l), now});
  if (entries_.size() > max_entries_)
    entries_.pop_back();
}

listing_cache::listing_ptr listing_cache::find(std::string_view resource, std::string_view ns,
                                               uint64_t revision) {
  auto now = std::chrono::steady_clock::now();
  std::lock_guard lock(mutex_);
  expire(now);
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if (it->resource != resource || it->ns != ns || it->state->revision != revision)
      continue;
    it->last_use = now;
    entries_.splice(entries_.begin(), entries_, it);
    return entries_.front().state;
  }
  return nullptr;
}

void listing_cache::expire(std::chrono::steady_clock::time_point now) {
  while (!entries_.empty() && entries_.back().last_use + lifetime_ < now)
    entries_.pop_back();
}

} // namespace thespis::api::rest
