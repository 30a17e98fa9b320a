// One end of a link: a connected socket with its TLS session, after the handshakes of TLS and HTTP.
#pragma once

#include "runtime/link/frame_guard.hpp"

#include <caf/fwd.hpp>
#include <caf/node_id.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

using SSL = struct ssl_st;

namespace thespis::runtime::link {

/// Owns the descriptor until a link is made of it. The session reads and writes the descriptor, and
/// keeps what it depends on alive.
struct link_socket {
  link_socket() = default;
  link_socket(int descriptor, std::shared_ptr<SSL> session)
      : fd(descriptor), tls(std::move(session)) {}
  link_socket(link_socket&& other) noexcept
      : fd(std::exchange(other.fd, -1)), tls(std::move(other.tls)) {}
  link_socket& operator=(link_socket&&) = delete;
  ~link_socket();
  /// When the certificate ends that the peer has shown; nothing: it has shown none.
  std::optional<std::chrono::sys_time<std::chrono::nanoseconds>> peer_expires() const;

  int fd = -1;
  std::shared_ptr<SSL> tls;
};

/// Counters of a link, for people.
struct link_counters {
  uint64_t received_messages = 0, received_bytes = 0;
  uint64_t sent_messages = 0, sent_bytes = 0;
  uint64_t dropped = 0;
};

/// What the I/O thread of the actor system and everybody else share about one link.
class link_state {
public:
  /// `on_peer` judges the peer's node id, on the I/O thread; false refuses it. `on_end` is called
  /// once, from any thread, when the link is over, with the reason.
  link_state(side at, guard_limits limits, std::function<bool(const caf::node_id&)> on_peer,
             std::function<void(const std::string& why)> on_end);
  ~link_state();

  /// Ends the link soon. Thread-safe.
  void close(const std::string& why);
  /// Thread-safe.
  link_counters counters() const;

private:
  friend class link_stream;

  std::string shake(caf::actor_system& sys, std::string_view payload);
  void publish_counters();
  void note_end(const std::string& why);
  void finish();

  frame_guard guard_;
  caf::actor_system* system_ = nullptr;
  std::function<bool(const caf::node_id&)> on_peer_;
  std::function<void(const std::string&)> on_end_;
  std::atomic<uint64_t> received_messages_{0}, received_bytes_{0}, sent_messages_{0},
      sent_bytes_{0}, dropped_{0};
  mutable std::mutex mutex_; // guards what follows
  int fd_ = -1;
  std::string why_;
};

/// Hands the accepting end to the actor framework. The peer is given `gateway` and nothing else.
void accept_link(caf::actor_system& sys, link_socket socket, std::shared_ptr<link_state> state,
                 const caf::strong_actor_ptr& gateway);

/// Hands the dialling end to the actor framework. `done` is told the other end's gateway, or null
/// with a reason; on some actor's thread.
void open_link(caf::actor_system& sys, link_socket socket, std::shared_ptr<link_state> state,
               std::function<void(caf::strong_actor_ptr gateway, std::string why)> done);

} // namespace thespis::runtime::link
