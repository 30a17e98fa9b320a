#include "proxy/dns/responder.hpp"

namespace thespis::proxy::dns {

namespace {

/// Longer queries are rare, and a way to fill the cache.
constexpr size_t longest_kept_query = 320;

} // namespace

std::string_view answer_cache::key_of(std::string_view request, transport via) {
  key_.assign(1, via == transport::udp ? 'u' : 't');
  key_.append(request.substr(2));
  return key_;
}

std::optional<std::string> answer_cache::find(std::string_view request, transport via,
                                              time_point now) {
  if (request.size() < header_size || request.size() > longest_kept_query)
    return std::nullopt;
  const auto i = entries_.find(key_of(request, via));
  if (i == entries_.end())
    return std::nullopt;
  const auto& e = i->second;
  if (now >= e.expires) {
    entries_.erase(i);
    return std::nullopt;
  }
  auto res = e.bytes;
  set_id(res, id_of(request));
  if (!e.ttl_offsets.empty())
    grow_older(res, e.ttl_offsets,
               static_cast<uint32_t>(
                   std::chrono::duration_cast<std::chrono::seconds>(now - e.stored).count()));
  return res;
}

void answer_cache::keep(std::string_view request, transport via, std::string_view answer,
                        time_point now) {
  auto life = lifetime_of(answer);
  if (life && life->keep.count() > 0)
    put(request, via, {std::string{answer}, std::move(life->ttl_offsets), now, now + life->keep});
}

void answer_cache::keep(std::string_view request, transport via, std::string_view answer) {
  put(request, via, {std::string{answer}, {}, {}, time_point::max()});
}

void answer_cache::put(std::string_view request, transport via, entry e) {
  if (request.size() < header_size || request.size() > longest_kept_query)
    return;
  if (entries_.size() >= max_entries_)
    entries_.clear();
  entries_.insert_or_assign(std::string{key_of(request, via)}, std::move(e));
}

void answer_cache::clear() {
  entries_.clear();
}

responder::responder(responder_options options)
    : options_(std::move(options)), zone_(options_.domain, options_.ranges),
      own_(options_.cache_entries), others_(options_.cache_entries) {}

answer_options responder::limits(const query& q, transport via) const {
  return {options_.ttl, options_.domain, via == transport::udp ? q.udp_size : 0xffff};
}

response responder::handle(std::string_view request, transport via, time_point now) {
  ++counters_.queries;
  for (auto* cache : {&own_, &others_})
    if (auto known = cache->find(request, via, now)) {
      ++counters_.kept;
      return std::move(*known);
    }
  auto parsed = parse_query(request);
  if (std::holds_alternative<ignored>(parsed)) {
    ++counters_.bad;
    return ignored{};
  }
  if (const auto* bad = std::get_if<bad_query>(&parsed)) {
    ++counters_.bad;
    return encode_failure(request, bad->code);
  }
  auto& q = std::get<query>(parsed);
  auto found = zone_.find(q.name, q.type);
  if (!found) {
    if (!q.recursion_desired)
      return encode_failure(request, rcode::refused);
    ++counters_.forwarded;
    return ask_others{std::string{request}, std::nullopt, {}};
  }
  ++counters_.own;
  // A CNAME may lead to a name of our own: follow it here, a few steps.
  for (int steps = 0; !found->follow.empty() && steps < 8; ++steps) {
    auto next = zone_.find(std::exchange(found->follow, {}), q.type);
    if (!next) {
      const auto target =
          found->records.back().data.substr(0, found->records.back().data.size() - 1);
      ask_others ask{encode_query(q.id, target, q.type, q.edns), q, std::move(*found)};
      return ask;
    }
    found->records.insert(found->records.end(), next->records.begin(), next->records.end());
    found->follow = std::move(next->follow);
  }
  auto bytes = encode_answer(q, *found, limits(q, via));
  own_.keep(request, via, bytes);
  return bytes;
}

std::string responder::finish(std::string_view request, transport via, const ask_others& asked,
                              std::string_view their, time_point now) {
  if (their.empty())
    return encode_failure(request, rcode::server_failure);
  std::string res;
  if (asked.joined) {
    auto joined = join_answers(*asked.joined, asked.so_far, their, limits(*asked.joined, via));
    if (!joined)
      return encode_failure(request, rcode::server_failure);
    res = std::move(*joined);
  } else {
    res = their;
    set_id(res, id_of(request));
  }
  // A CNAME of the zone may change at any moment; its own TTL covers that.
  others_.keep(request, via, res, now);
  return res;
}

} // namespace thespis::proxy::dns
