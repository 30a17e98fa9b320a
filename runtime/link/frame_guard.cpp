#include "runtime/link/frame_guard.hpp"

#include <caf/atom.hpp>
#include <caf/io/basp/message_type.hpp>

#include <algorithm>
#include <optional>

namespace thespis::runtime::link {

namespace {

using caf::io::basp::message_type;

constexpr size_t max_handshake = 64 * 1024;
constexpr size_t max_small_payload = 4096; ///< of a down message: an error
constexpr size_t max_type_names = 4096;
constexpr uint8_t named_receiver = 0x01;
/// Actors of one generation; twice as many are answered at most.
constexpr size_t generation = 32 * 1024;

uint64_t number(std::string_view bytes, size_t at, size_t size) {
  uint64_t res = 0;
  for (size_t i = 0; i < size; ++i)
    res = res << 8 | static_cast<uint8_t>(bytes[at + i]);
  return res;
}

/// A BASP header's fields, as CAF 0.17 lays them out.
struct header {
  explicit header(std::string_view b)
      : operation(static_cast<uint8_t>(b[0])), flags(static_cast<uint8_t>(b[3])),
        payload(number(b, 4, 4)), data(number(b, 8, 8)), source(number(b, 16, 8)),
        dest(number(b, 24, 8)) {}
  bool is(message_type t) const { return operation == static_cast<uint8_t>(t); }
  uint8_t operation, flags;
  uint64_t payload, data, source, dest;
};

/// A length as CAF writes it, seven bits a byte; nothing when it is cut off or too long.
std::optional<uint64_t> take_length(std::string_view& bytes) {
  uint64_t res = 0;
  for (int shift = 0; shift < 35 && !bytes.empty(); shift += 7) {
    const auto b = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    res |= uint64_t{b & 0x7fu} << shift;
    if ((b & 0x80) == 0)
      return res;
  }
  return std::nullopt;
}

/// Types of CAF's own that our messages hold; others steer actors ("@exit", "@down", links) and
/// nobody may send those to another machine.
bool may_travel(std::string_view type) {
  if (!type.starts_with('@'))
    return !type.empty();
  constexpr std::string_view plain[] = {"@error", "@unit", "@str", "@u64"};
  return std::find(std::begin(plain), std::end(plain), type) != std::end(plain);
}

} // namespace

frame_guard::frame_guard(side at, guard_limits limits, handshake_check on_handshake)
    : side_(at), limits_(limits), on_handshake_(std::move(on_handshake)),
      messages_left_(static_cast<double>(limits.messages_per_second)),
      bytes_left_(static_cast<double>(limits.bytes_per_second)) {}

std::string frame_guard::take(std::string_view bytes, std::vector<char>& out, time_point now) {
  if (!ended_.empty())
    return ended_;
  received_bytes_ += bytes.size();
  if (auto why = check_rate(bytes.size(), now); !why.empty())
    return ended_ = std::move(why);
  while (!bytes.empty()) {
    const auto n = std::min(wanted_ - frame_.size(), bytes.size());
    frame_.append(bytes.substr(0, n));
    bytes.remove_prefix(n);
    if (frame_.size() < wanted_)
      return {};
    if (wanted_ == frame_header_bytes) {
      if (auto why = check_header(); !why.empty())
        return ended_ = std::move(why);
      wanted_ += header{frame_}.payload;
      // Memory comes with the bytes, not with the length that is claimed.
      if (frame_.size() < wanted_)
        continue;
    }
    ++messages_;
    if (--messages_left_ < 0)
      return ended_ = "the peer sends more than " + std::to_string(limits_.messages_per_second) +
                      " messages a second";
    switch (judge(std::string_view{frame_}.substr(frame_header_bytes))) {
    case verdict::pass:
      out.insert(out.end(), frame_.begin(), frame_.end());
      break;
    case verdict::drop:
      ++dropped_;
      break;
    case verdict::end:
      return ended_;
    }
    frame_.clear();
    if (frame_.capacity() > 256 * 1024)
      std::string{}.swap(frame_);
    wanted_ = frame_header_bytes;
  }
  return {};
}

std::string frame_guard::check_rate(size_t bytes, time_point now) {
  if (refilled_ != time_point{}) {
    const double passed = std::chrono::duration<double>(now - refilled_).count();
    const auto fill = [&](double& left, size_t limit) {
      left = std::min(static_cast<double>(limit), left + passed * static_cast<double>(limit));
    };
    fill(messages_left_, limits_.messages_per_second);
    fill(bytes_left_, limits_.bytes_per_second);
  }
  refilled_ = now;
  bytes_left_ -= static_cast<double>(bytes);
  if (bytes_left_ >= 0)
    return {};
  return "the peer sends more than " + std::to_string(limits_.bytes_per_second) + " bytes a second";
}

std::string frame_guard::check_header() {
  const header h{frame_};
  const auto too_long = [&](size_t limit) {
    return h.payload > limit ? "a message of " + std::to_string(h.payload) +
                                   " bytes; the limit is " + std::to_string(limit)
                             : std::string{};
  };
  if (frame_[1] != 0 || frame_[2] != 0)
    return "bytes that are no message";
  const auto greeting =
      side_ == side::server ? message_type::client_handshake : message_type::server_handshake;
  if (h.is(greeting)) {
    return h.payload == 0 ? "an empty handshake" : too_long(max_handshake);
  }
  if (!shaken_)
    return "a message before the handshake";
  if (h.is(message_type::direct_message))
    return h.payload == 0 ? "an empty message" : too_long(limits_.message_bytes);
  if (h.flags != 0)
    return "a header with what does not belong there";
  if (h.is(message_type::heartbeat))
    return h.payload == 0 ? "" : "a header with what does not belong there";
  if (h.is(message_type::monitor_message) || h.is(message_type::down_message))
    return too_long(max_small_payload);
  // Also routed messages: nobody speaks for a third machine.
  return "an operation that links do not have (" + std::to_string(h.operation) + ")";
}

frame_guard::verdict frame_guard::end(std::string why) {
  ended_ = std::move(why);
  return verdict::end;
}

frame_guard::verdict frame_guard::judge(std::string_view payload) {
  const header h{frame_};
  if (h.is(message_type::client_handshake) || h.is(message_type::server_handshake))
    return judge_handshake(payload);
  if (h.is(message_type::direct_message))
    return judge_message(payload);
  if (h.is(message_type::heartbeat))
    return verdict::pass;
  // Both name the machine that speaks and the one that is meant: nobody speaks for a third.
  if (!payload.starts_with(ends_))
    return end("a message from or to another machine");
  if (h.is(message_type::monitor_message) && side_ == side::server && !knows(h.dest))
    return verdict::drop;
  return verdict::pass;
}

frame_guard::verdict frame_guard::judge_handshake(std::string_view payload) {
  // CAF sends its greeting again to choose between connections; it must say the same.
  if (shaken_)
    return payload == handshake_ ? verdict::pass : end("a second handshake");
  shaken_ = true;
  handshake_ = payload;
  ends_ = on_handshake_(payload);
  if (ends_.empty())
    return end("a peer with an identity that another link has, or that is none");
  return verdict::pass;
}

frame_guard::verdict frame_guard::judge_message(std::string_view payload) {
  const header h{frame_};
  if ((h.flags & named_receiver) != 0) {
    // CAF asks every new peer for these two by itself; nobody here answers.
    const auto name = static_cast<caf::atom_value>(h.dest);
    if (name == caf::atom("SpawnServ") || name == caf::atom("ConfigServ"))
      return verdict::drop;
    return end("a message to an actor by name");
  }
  if (h.flags != 0)
    return end("a message with flags that links do not have");
  // What follows are the actors that the answer would pass through, then the types' names.
  const auto stages = take_length(payload);
  if (!stages)
    return end("a message that is cut off");
  if (*stages != 0)
    return end("a message whose answer would go elsewhere");
  // Two zeros say that the types are named.
  if (!payload.starts_with(std::string_view{"\0\0", 2}))
    return end("a message without its types");
  payload.remove_prefix(2);
  const auto length = take_length(payload);
  if (!length || *length > payload.size() || *length > max_type_names)
    return end("a message that is cut off");
  auto types = payload.substr(0, *length);
  if (!types.starts_with("@<>"))
    return end("bytes that are no message");
  types.remove_prefix(3);
  while (!types.empty()) {
    types.remove_prefix(1); // the plus sign
    const auto type = types.substr(0, types.find('+'));
    if (!may_travel(type))
      return end("a message of type \"" + std::string{type} + "\"");
    types.remove_prefix(type.size());
  }
  if (side_ == side::server && !knows(h.dest))
    return verdict::drop;
  return verdict::pass;
}

void frame_guard::remember(uint64_t actor) {
  if (actor == 0 || !recent_.insert(actor).second || recent_.size() < generation)
    return;
  older_ = std::move(recent_);
  recent_.clear();
}

void frame_guard::sent(std::string_view bytes) {
  sent_bytes_ += bytes.size();
  while (!bytes.empty()) {
    if (out_payload_left_ > 0) {
      const auto n = std::min<uint64_t>(out_payload_left_, bytes.size());
      bytes.remove_prefix(n);
      out_payload_left_ -= n;
      continue;
    }
    const auto n = std::min(frame_header_bytes - out_header_.size(), bytes.size());
    out_header_.append(bytes.substr(0, n));
    bytes.remove_prefix(n);
    if (out_header_.size() < frame_header_bytes)
      return;
    const header h{out_header_};
    ++sent_messages_;
    remember(h.source);
    out_payload_left_ = h.payload;
    out_header_.clear();
  }
}

} // namespace thespis::runtime::link
