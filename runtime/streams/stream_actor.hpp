// One end of a byte stream: see stream_interface.hpp.
#pragma once

#include "runtime/streams/stream_interface.hpp"
#include "runtime/streams/stream_port.hpp"

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>

namespace thespis::runtime {

struct stream_limits {
  size_t window = 512 * 1024;                    ///< bytes on their way to this end, at most
  size_t chunk = 64 * 1024;                      ///< bytes of one message, at most
  std::chrono::milliseconds tick{5'000};         ///< between signs of life
  std::chrono::milliseconds max_silence{60'000}; ///< of the other end, then it counts as gone
};

struct stream_deps {
  std::string name; ///< "log default/web main"
  std::shared_ptr<stream_port> local;
  /// Who to talk to; null: whoever speaks first.
  stream_handle peer = {};
  stream_limits limits = {};
};

/// Invariants: no more than `window` bytes wait here; nothing is sent without credit; the port is
/// closed exactly once. The actor ends with its stream.
class stream_actor : public actor_base<stream_actor_handle> {
public:
  stream_actor(caf::actor_config& cfg, stream_deps deps);
  behavior_type make_behavior() override;
  void on_exit() override;

protected:
  std::string describe() const override;

private:
  template <class T, class F>
  std::function<void(T)> here(F f) {
    return [address = this->address(), f = std::move(f)](T value) {
      auto shared = std::make_shared<T>(std::move(value));
      if (auto self = caf::actor_cast<stream_actor_handle>(address))
        caf::anon_send(self, stream_event{[f, shared] { f(std::move(*shared)); }});
    };
  }

  void hear();
  void begin();
  void take(std::string bytes);
  void read_some();
  void write_some();
  void give_credit();
  void end_if_done();
  void fail(api::error why, bool tell_peer = true);
  void close(const std::optional<api::error>& why);

  stream_deps deps_;
  std::deque<std::string> waiting_; ///< for the local side
  size_t window_left_ = 0;          ///< what the peer may still send
  size_t owed_ = 0;                 ///< written, and not yet given back as credit
  uint64_t credit_ = 0;             ///< what we may still send
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  bool reading_ = false;
  bool writing_ = false;
  bool local_ended_ = false; ///< the local side has no more bytes
  bool peer_ended_ = false;  ///< the peer has no more bytes
  bool written_all_ = false; ///< and all of them were written
  bool closed_ = false;
  std::chrono::steady_clock::time_point heard_{};
};

} // namespace thespis::runtime
