// Answers of unknown length over WebSocket (RFC 6455), for clients that cannot read chunks:
// watches and logs. What the client says is read only for pings and its farewell.
#pragma once

#include "api/rest/transport/server.hpp"

namespace thespis::api::rest {

/// What makes one message.
enum class websocket_messages : uint8_t {
  lines,  ///< what ends with a line's end: an event of a watch
  writes, ///< each write
};

/// The stream as a WebSocket when the client asks for one; else the outcome as it is. Subprotocols
/// are Kubernetes': binary.k8s.io, base64.binary.k8s.io, and none, which is text for lines and
/// binary for writes.
transport::outcome or_websocket(transport::outcome o, const transport::request_head& head,
                                websocket_messages messages);

/// The answer to a client's Sec-WebSocket-Key.
std::string websocket_accept(std::string_view key);

/// Appends a whole message as a frame; `opcode` 1 is text, 2 binary, 8 close, 10 pong.
void put_frame(std::string& out, uint8_t opcode, std::string_view bytes);

/// A frame of the client, unmasked.
struct websocket_frame {
  uint8_t opcode = 0;
  std::string bytes;
  size_t size = 0; ///< on the wire
};
/// The first frame of `in`: nothing when it is not complete. Errors: bad_request for what no client
/// may send: frames without mask, over 64 KiB, or of reserved kinds.
result<std::optional<websocket_frame>> take_frame(std::string_view in);

} // namespace thespis::api::rest
