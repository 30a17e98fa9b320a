#include "runtime/introspection/trace.hpp"

#include "api/error.hpp"
#include "runtime/introspection.hpp"

#include <caf/binary_serializer.hpp>
#include <caf/message.hpp>

#include <algorithm>

namespace thespis::runtime {

namespace {

constexpr double second = 1e9;

/// The text cut at a code point.
std::string cut(std::string text) {
  if (text.size() <= trace_table::max_text)
    return text;
  auto end = trace_table::max_text;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  text.resize(end);
  return text + "…";
}

uint64_t wire_size(caf::actor_system& sys, const caf::type_erased_tuple& m) {
  std::vector<char> bytes;
  caf::binary_serializer sink{sys, bytes};
  for (size_t i = 0; i < m.size(); ++i)
    if (m.save(i, sink))
      return 0;
  return bytes.size();
}

std::string type_of(const caf::type_erased_tuple& m) {
  std::string res;
  for (size_t i = 0; i < m.size(); ++i) {
    const auto* type = m.type(i).second;
    res += (i > 0 ? "," : "") + (type ? short_type_name(*type) : std::string{"(builtin)"});
  }
  return res;
}

std::string text_of(const caf::type_erased_tuple& m) {
  std::string res;
  for (size_t i = 0; i < m.size(); ++i)
    res += (i > 0 ? ", " : "") + m.stringify(i);
  return cut(std::move(res));
}

trace_event event_of(caf::actor_system& sys, const actor_info& sender, const actor_info& receiver,
                     const caf::mailbox_element& x) {
  trace_event e;
  e.at = steady_nanoseconds();
  if (x.sender) {
    e.sender_id = x.sender->id();
    e.sender = sender.kind.empty() ? "(other)" : sender.full_name();
  }
  e.receiver_id = receiver.id;
  e.receiver = receiver.full_name();
  e.type = type_of(x.content());
  e.text = text_of(x.content());
  e.size = wire_size(sys, x.content());
  e.answer = x.mid.is_response();
  return e;
}

} // namespace

bool trace_table::trace::wants(uint64_t now) {
  const auto rate = static_cast<double>(wish.rate);
  const auto passed = static_cast<double>(now - std::min(now, refilled)) / second;
  tokens = std::min(rate, tokens + passed * rate);
  refilled = now;
  if (tokens < 1 || events.size() >= max_buffered) {
    ++dropped;
    return false;
  }
  tokens -= 1;
  return true;
}

void trace_table::trace::expire(uint64_t now) {
  if (!ended.empty())
    return;
  if (now > looked + patience)
    ended = "its client is gone";
  else if (now > begun + wish.duration)
    ended = "its time is over";
}

trace_table::~trace_table() {
  for (const auto& [id, t] : traces_)
    tracing -= t.ended.empty() ? 1 : 0;
}

api::result<uint64_t> trace_table::start(const trace_wish& wish, uint64_t now) {
  auto filter = actor_filter::parse(wish.filter);
  if (!filter)
    return api::fail(std::move(filter.error()));
  expire(now);
  const std::lock_guard lock{mutex_};
  if (traces_.size() >= max_traces) {
    return api::fail(api::reason::too_many_requests,
                     std::to_string(max_traces) + " traces run already");
  }
  auto& t = traces_[next_];
  t.wish = wish;
  t.filter = std::move(*filter);
  t.begun = t.looked = t.refilled = now;
  t.tokens = static_cast<double>(wish.rate);
  ++tracing;
  return next_++;
}

trace_batch trace_table::take(uint64_t id, uint64_t now) {
  const std::lock_guard lock{mutex_};
  trace_batch res;
  const auto i = traces_.find(id);
  if (i == traces_.end()) {
    res.ended = "there is no such trace";
    return res;
  }
  auto& t = i->second;
  const bool ran = t.ended.empty();
  t.looked = std::max(t.looked, now);
  t.expire(now);
  tracing -= ran && !t.ended.empty() ? 1 : 0;
  res.events.assign(std::make_move_iterator(t.events.begin()),
                    std::make_move_iterator(t.events.end()));
  t.events.clear();
  res.dropped = std::exchange(t.dropped, 0);
  res.ended = t.ended;
  if (!t.ended.empty())
    traces_.erase(i);
  return res;
}

void trace_table::stop(uint64_t id) {
  const std::lock_guard lock{mutex_};
  const auto i = traces_.find(id);
  if (i == traces_.end())
    return;
  tracing -= i->second.ended.empty() ? 1 : 0;
  traces_.erase(i);
}

size_t trace_table::expire(uint64_t now) {
  const std::lock_guard lock{mutex_};
  for (auto i = traces_.begin(); i != traces_.end();) {
    auto& t = i->second;
    const bool ran = t.ended.empty();
    t.expire(now);
    tracing -= ran && !t.ended.empty() ? 1 : 0;
    // An ended one stays as long as its client may still come for the rest.
    i = now > t.looked + 2 * patience ? traces_.erase(i) : std::next(i);
  }
  return traces_.size();
}

void trace_table::note(caf::actor_system& sys, const actor_record& receiver,
                       const caf::mailbox_element& x) {
  const auto to = receiver.info(false);
  actor_info from;
  if (x.sender)
    if (const auto known = introspection_of(sys).find(x.sender->id());
        known && x.sender->node() == sys.node())
      from = known->info(false);
  const auto type_name = type_of(x.content());
  const auto now = steady_nanoseconds();
  const std::lock_guard lock{mutex_};
  for (auto& [id, t] : traces_) {
    if (!t.ended.empty() || type_name.find(t.wish.type) == std::string::npos ||
        !(t.filter.matches(to) || (!from.kind.empty() && t.filter.matches(from))))
      continue;
    t.expire(now);
    if (t.ended.empty() && !t.wants(now))
      continue;
    if (t.ended.empty()) {
      t.events.push_back(event_of(sys, from, to, x));
      if (++t.shown == t.wish.count)
        t.ended = "it has shown " + std::to_string(t.shown) + " messages";
    }
    if (!t.ended.empty())
      --tracing;
  }
}

} // namespace thespis::runtime
