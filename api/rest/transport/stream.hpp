// What leaves a connection: response bodies, streams of chunks, and raw byte streams.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using SSL = struct ssl_st;

namespace thespis::api::transport {

using header_list = std::vector<std::pair<std::string, std::string>>;
using shared_bytes = std::shared_ptr<const std::string>;

/// Who is at the other end of a connection.
struct peer_identity {
  std::string address; ///< "10.0.0.7"; empty for a unix socket
  uint16_t port = 0;
  bool tls = false;
  /// Whether the client showed a certificate that the client CA signed and that is valid now.
  bool verified = false;
  std::string common_name;                ///< of the verified certificate
  std::vector<std::string> organizations; ///< of the verified certificate, in its order
  std::string certificate_error;          ///< why a shown certificate was not accepted
};

/// Immutable bytes that stay alive until they are written; never copied for plain connections.
class payload {
public:
  payload() = default;
  payload(std::string bytes);
  payload(shared_bytes bytes);
  /// The pieces in their order; `owner` keeps their memory alive.
  payload(std::vector<boost::asio::const_buffer> pieces, std::shared_ptr<const void> owner);

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// The pieces; none is empty.
  const boost::asio::const_buffer* begin() const { return pieces_.empty() ? &one_ : &pieces_[0]; }
  const boost::asio::const_buffer* end() const {
    return begin() + (pieces_.empty() ? (size_ == 0 ? 0 : 1) : pieces_.size());
  }

private:
  boost::asio::const_buffer one_;
  std::vector<boost::asio::const_buffer> pieces_;
  std::shared_ptr<const void> owner_;
  size_t size_ = 0;
};

/// A whole answer. Content-Length, Date and Connection are the transport's; CR, LF and NUL in
/// header values are replaced.
struct response {
  int status = 200;
  std::string content_type = "application/json";
  payload body;
  header_list headers;
  bool close = false; ///< end the connection after it
};

/// An answer of unknown length, sent as chunks: watches, followed logs. Safe from any thread.
/// Dropping the last reference closes it.
class response_stream {
public:
  virtual ~response_stream() = default;
  /// First and once. `false` when the client is gone.
  virtual bool write_head(int status, std::string_view content_type, header_list headers = {}) = 0;
  /// Queues bytes; all that is queued when the socket is ready leaves as one chunk. `false` when
  /// the client is gone or was cut off for lagging beyond limits::stream_pending_bytes.
  virtual bool write(shared_bytes bytes) = 0;
  virtual bool write(std::vector<shared_bytes> bytes) = 0;
  /// Bytes queued and not yet taken by the socket.
  virtual size_t pending_bytes() const = 0;
  /// Calls `f` once on the I/O thread when pending_bytes() has fallen to `low_water` or below, or
  /// the stream has closed.
  virtual void on_drained(size_t low_water, std::function<void()> f) = 0;
  /// Ends the answer after what is queued; the connection lives on.
  virtual void close() = 0;
  /// Ends the connection at once, so that the client sees an incomplete answer.
  virtual void abort() = 0;
  virtual bool closed() const = 0;
  /// Calls `f` once on the I/O thread when the stream has ended: the client went away, it was cut
  /// off, or close() was completed. At once when that has happened already.
  virtual void on_closed(std::function<void()> f) = 0;
};

/// A connection that has left the transport: its descriptor, which is the receiver's to close, and
/// its TLS session (null without TLS), which reads and writes the descriptor by itself.
struct taken_socket {
  int fd = -1;
  std::shared_ptr<SSL> tls;
  std::string already_read; ///< bytes that came after the request's head
};

/// A duplex stream of bytes: a connection that left HTTP, or one that we opened. Safe from any
/// thread; callbacks come on its I/O thread. At most one read and one write may be outstanding.
/// Dropping the last reference closes it.
class raw_stream {
public:
  /// The bytes are valid during the call. `boost::asio::error::eof` when the peer has finished.
  using read_handler = std::function<void(boost::system::error_code, std::string_view)>;
  using write_handler = std::function<void(boost::system::error_code)>;

  virtual ~raw_stream() = default;
  /// Reads some bytes, one at least.
  virtual void read(read_handler f) = 0;
  /// Writes all.
  virtual void write(payload bytes, write_handler f) = 0;
  /// Tells the peer that no more will be written. Never with a write outstanding.
  virtual void shutdown_write() = 0;
  /// Cancels what is outstanding and closes.
  virtual void close() = 0;
  /// Hands the connection to others; the stream is closed then. Never with a read or write
  /// outstanding. Not called when the stream is closed already; a stream that is no socket of a
  /// server's hands over none.
  virtual void take(std::function<void(taken_socket)> f) { f({}); }
  /// Runs `f` on the stream's I/O thread.
  virtual void post(std::function<void()> f) = 0;
  /// Runs `f` there after `delay` and up to a second more; dropped when the stream closes first.
  virtual void post_after(std::chrono::milliseconds delay, std::function<void()> f) = 0;
  virtual const peer_identity& peer() const = 0;
};

/// A request to leave HTTP, undecided. Safe from any thread; exactly one of the two takes effect.
/// Dropping the last reference refuses with 500.
class upgrade_request {
public:
  virtual ~upgrade_request() = default;
  /// Hands the connection over on the I/O thread. Nothing has been written to it: the answer
  /// (101 Switching Protocols) is the taker's or its upstream's. Bytes that came after the head are
  /// read first. Not called when the client has gone.
  virtual void accept(std::function<void(std::shared_ptr<raw_stream>)> f) = 0;
  virtual void refuse(response answer) = 0;
};

/// Where to connect to: a unix socket when `unix_path` is set, else TCP to a numeric address.
struct endpoint {
  std::string unix_path;
  std::string address;
  uint16_t port = 0;
};

/// Opens a stream on the I/O thread of `beside`, so that both ends of a relay share it. `beside`
/// must be a stream of this transport; else `f` gets operation_not_supported.
void connect(const std::shared_ptr<raw_stream>& beside, const endpoint& to,
             std::chrono::milliseconds timeout,
             std::function<void(boost::system::error_code, std::shared_ptr<raw_stream>)> f);

struct relay_options {
  std::chrono::milliseconds connect_timeout{10'000};
  /// Ends a relay over which no byte went for so long, in either direction; 0: never. Kubernetes'
  /// streaming-connection-idle-timeout is four hours.
  std::chrono::milliseconds idle{4 * 60 * 60 * 1000};
  /// On a failed connect answer the client with an HTTP 500 and a Status before closing.
  bool http_error = true;
  /// Nothing of the client goes upstream before that has answered 101. Another answer is passed on,
  /// and the connection ends with it: a refused upgrade must not leave a way to the upstream open.
  bool await_switch = false;
};

struct relay_result {
  boost::system::error_code error; ///< of the connect, or of the first failed direction
  uint64_t to_upstream = 0;
  uint64_t to_client = 0;
};

/// Copies both directions until both have ended, with back-pressure and half-close. `done` is
/// called once, on the I/O thread. Keeps itself alive.
void relay(std::shared_ptr<raw_stream> client, std::shared_ptr<raw_stream> upstream,
           const relay_options& options, std::function<void(const relay_result&)> done = {});

/// Connects, writes `initial` (a request head made by request_head::serialize), then relays.
void relay(std::shared_ptr<raw_stream> client, const endpoint& upstream, std::string initial,
           const relay_options& options = {}, std::function<void(const relay_result&)> done = {});

} // namespace thespis::api::transport
