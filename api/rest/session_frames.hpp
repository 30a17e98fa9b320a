// What a client of exec or attach has been sent, as far as it takes to end the session with an
// error: clients take a connection that merely closes for a command that succeeded.
#pragma once

#include "api/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace thespis::api::rest {

/// Follows the frames of SPDY and of WebSocket behind the answer that switched to them. Keeps no
/// more than a head of them.
class session_frames {
public:
  /// The next bytes that go to the client.
  void sent(std::string_view bytes);

  /// The frames that tell the client that the session has failed. Empty when it knows how the
  /// session ended, or cannot be told: amid a frame, in a protocol without a place for it.
  std::string last_words(const error& why) const;

private:
  enum class form : uint8_t { head, spdy, websocket, other };

  void read_answer();
  /// How many bytes of `pending_` the frame's head takes; 0: more are needed. Sets `left_`.
  size_t read_frame();
  size_t read_spdy();
  size_t read_websocket();

  form form_ = form::head;
  std::string pending_; ///< of a head that is not whole yet
  uint64_t left_ = 0;   ///< bytes of the frame that are still to come
  bool told_ = false;   ///< how the session ended
  bool status_ = false; ///< ends are told as a Status, not as text
};

} // namespace thespis::api::rest
