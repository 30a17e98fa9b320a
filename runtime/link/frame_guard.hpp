// What comes over a link, looked at before the actor framework sees it: CAF's wire protocol (BASP)
// trusts its peer, so everything that a peer could hurt with ends here.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace thespis::runtime::link {

/// What one peer may send.
struct guard_limits {
  size_t message_bytes = 16 << 20;       ///< of one message
  size_t messages_per_second = 400'000;  ///< sustained; a second's worth may come at once
  size_t bytes_per_second = 512u << 20u; ///< same
};

/// Which end of the link this is. The server holds its peers to more: they may speak only to
/// actors that spoke to them first over the same link.
enum class side : uint8_t { server, agent };

/// Size of a BASP header.
inline constexpr size_t frame_header_bytes = 32;

/// Splits the bytes of one link into messages and lets only good ones through, whole. Not
/// thread-safe: one thread reads and writes a link.
class frame_guard {
public:
  using time_point = std::chrono::steady_clock::time_point;
  /// Who the peer says it is: the payload of its handshake. Returns the node ids of the peer and of
  /// this process, as they stand in messages, one after the other; empty refuses the peer.
  using handshake_check = std::function<std::string(std::string_view payload)>;

  frame_guard(side at, guard_limits limits, handshake_check on_handshake);

  /// Takes what came and appends the messages that may pass to `out`. The reason to end the link,
  /// for people; empty while all is well. Once ended, nothing passes.
  std::string take(std::string_view bytes, std::vector<char>& out, time_point now);

  /// Looks at what goes to the peer: whoever speaks there may be answered.
  void sent(std::string_view bytes);

  /// Lets the peer speak to an actor that has not spoken to it.
  void admit(uint64_t actor) { remember(actor); }

  uint64_t messages() const { return messages_; }
  uint64_t dropped() const { return dropped_; } ///< messages that went nowhere
  uint64_t received_bytes() const { return received_bytes_; }
  uint64_t sent_messages() const { return sent_messages_; }
  uint64_t sent_bytes() const { return sent_bytes_; }

private:
  enum class verdict : uint8_t { pass, drop, end };

  std::string check_header();
  std::string check_rate(size_t bytes, time_point now);
  verdict judge(std::string_view payload);
  verdict judge_message(std::string_view payload);
  verdict judge_handshake(std::string_view payload);
  verdict end(std::string why);
  void remember(uint64_t actor);
  bool knows(uint64_t actor) const { return recent_.contains(actor) || older_.contains(actor); }

  const side side_;
  const guard_limits limits_;
  const handshake_check on_handshake_;
  std::string frame_; ///< header and payload of the message that is arriving
  size_t wanted_ = frame_header_bytes;
  bool shaken_ = false;
  std::string handshake_; ///< its payload
  std::string ends_;      ///< both node ids
  std::string ended_;
  double messages_left_, bytes_left_;
  time_point refilled_{};

  // Of what is sent: the header that is leaving, and how much payload follows it.
  std::string out_header_;
  uint64_t out_payload_left_ = 0;
  /// Actors that the peer may speak to, in two generations so that old ones are forgotten.
  std::unordered_set<uint64_t> recent_, older_;

  uint64_t messages_ = 0, dropped_ = 0, received_bytes_ = 0;
  uint64_t sent_messages_ = 0, sent_bytes_ = 0;
};

} // namespace thespis::runtime::link
