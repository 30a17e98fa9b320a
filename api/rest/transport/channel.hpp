// One connected socket, with or without TLS, as non-blocking reads and whole writes.
#pragma once

#include "api/rest/transport/tls.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>

namespace thespis::api::transport {

using boost::system::error_code;

/// Who is told what happens on a channel. A worker keeps it alive while it is registered there.
class channel_owner : public std::enable_shared_from_this<channel_owner> {
public:
  virtual ~channel_owner() = default;
  /// After wait_readable(): reading may now get somewhere, or `ec`.
  virtual void on_readable(error_code ec) = 0;
  /// After a write() that returned false.
  virtual void on_written(error_code ec) = 0;
  /// Some, not all, of an outstanding write has been taken by the peer.
  virtual void on_write_progress() {}
  /// Called some times a second, to end what has passed its deadline.
  virtual void check(std::chrono::steady_clock::time_point now) = 0;
  /// The server stops: end soon, or (`at_once`) now.
  virtual void shut_down(bool at_once) = 0;
};

/// Owner: one channel_owner at a time. All calls on the I/O thread of its socket. System calls are
/// tried before anything is waited for, so a small exchange costs one recv and one send.
class channel : public std::enable_shared_from_this<channel> {
public:
  using socket = boost::asio::generic::stream_protocol::socket;

  /// Takes the socket; speaks TLS as a server when there is a context.
  channel(socket s, std::shared_ptr<const tls_context> tls);
  ~channel();

  void set_owner(std::weak_ptr<channel_owner> owner) { owner_ = std::move(owner); }
  bool tls() const { return ssl_ != nullptr; }

  /// One step of the TLS handshake: success, would_block (wait_readable and call again), or
  /// failed.
  error_code handshake_step();
  void identify(peer_identity& peer) const;

  /// Reads what is there. error: would_block, eof, or why it failed.
  size_t read_now(char* into, size_t size, error_code& ec);
  /// Whether read_now may get something that the socket will not report any more.
  bool has_buffered() const;
  void wait_readable();
  bool waiting() const { return waiting_; }

  /// The list that the next write sends; cleared by it. The memory must live until it is done.
  std::vector<boost::asio::const_buffer>& pieces() { return pieces_; }
  /// Sends all pieces. True when it is done or failed (`ec`) at once; false when on_written will
  /// tell. At most one outstanding.
  bool write(error_code& ec);
  bool writing() const { return writing_; }

  /// Tells the peer that no more comes: close_notify, or a FIN on a plain socket.
  void shutdown_write();
  /// Closes; outstanding waits end with operation_aborted.
  void close();
  /// Gives the socket away. With nothing outstanding; the channel is closed then.
  taken_socket release();
  bool is_open() const { return socket_.is_open(); }
  /// Sends a FIN after close_notify, for a lingering close.
  void half_close();

  // For the BIO that joins OpenSSL to the socket.
  int bio_read(char* into, int size, bool& again);
  void bio_write(const char* bytes, int size);
  bool bio_eof() const { return eof_; }

private:
  bool pump(error_code& ec);
  bool pump_plain(error_code& ec);
  bool pump_tls(error_code& ec);
  bool encrypt_some(error_code& ec);
  bool flush(std::string& bytes, size_t& sent, error_code& ec);
  void wait_writable();
  void flush_control();
  void on_writable(error_code ec);
  void advance(size_t n);

  socket socket_;
  std::shared_ptr<const tls_context> tls_;
  SSL* ssl_ = nullptr;
  std::weak_ptr<channel_owner> owner_;
  std::vector<boost::asio::const_buffer> pieces_;
  size_t next_piece_ = 0;
  std::string out_; ///< ciphertext that the socket has not taken yet
  size_t out_sent_ = 0;
  std::string* sink_ = nullptr; ///< where OpenSSL's output goes now
  bool waiting_ = false;
  bool writing_ = false; ///< a write() is outstanding
  bool waiting_writable_ = false;
  bool eof_ = false;
  error_code socket_error_;
};

} // namespace thespis::api::transport
