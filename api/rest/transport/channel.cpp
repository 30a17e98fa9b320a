#include "api/rest/transport/channel.hpp"

#include <boost/asio/error.hpp>
#include <openssl/err.h>

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace thespis::api::transport {

namespace {

namespace asio = boost::asio;

constexpr size_t record_bytes = 16 * 1024; // TLS's largest record
constexpr size_t batch_bytes = 192 * 1024; // ciphertext sent by one system call
constexpr size_t pieces_a_call = 64;

error_code last_error() {
  return {errno, boost::system::system_category()};
}

bool would_block(int e) {
  return e == EAGAIN || e == EWOULDBLOCK;
}

// A BIO that reads from the channel's socket and writes into its buffers, so that OpenSSL never
// waits for output and many records leave by one system call.
int bio_read_cb(BIO* bio, char* into, int size) {
  auto* c = static_cast<channel*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  bool again = false;
  int n = c->bio_read(into, size, again);
  if (again)
    BIO_set_retry_read(bio);
  return n;
}

int bio_write_cb(BIO* bio, const char* bytes, int size) {
  static_cast<channel*>(BIO_get_data(bio))->bio_write(bytes, size);
  return size;
}

long bio_ctrl_cb(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH)
    return 1;
  if (command == BIO_CTRL_EOF)
    return static_cast<channel*>(BIO_get_data(bio))->bio_eof() ? 1 : 0;
  return 0;
}

BIO_METHOD* bio_method() {
  static BIO_METHOD* method = [] {
    auto* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "thespis");
    BIO_meth_set_read(m, bio_read_cb);
    BIO_meth_set_write(m, bio_write_cb);
    BIO_meth_set_ctrl(m, bio_ctrl_cb);
    return m;
  }();
  return method;
}

// One a thread: a batch is encrypted and sent before anything else runs there.
std::string& batch_of_thread() {
  thread_local std::string batch;
  return batch;
}

} // namespace

channel::channel(socket s, std::shared_ptr<const tls_context> tls)
    : socket_{std::move(s)}, tls_{std::move(tls)} {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  sink_ = &out_;
  if (!tls_)
    return;
  ssl_ = SSL_new(tls_->native());
  auto* bio = BIO_new(bio_method());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_accept_state(ssl_);
}

channel::~channel() {
  SSL_free(ssl_);
}

int channel::bio_read(char* into, int size, bool& again) {
  auto n = ::recv(socket_.native_handle(), into, static_cast<size_t>(size), MSG_DONTWAIT);
  if (n > 0)
    return static_cast<int>(n);
  if (n == 0) {
    eof_ = true;
    return 0;
  }
  again = would_block(errno);
  if (!again)
    socket_error_ = last_error();
  return -1;
}

void channel::bio_write(const char* bytes, int size) {
  sink_->append(bytes, static_cast<size_t>(size));
}

error_code channel::handshake_step() {
  ERR_clear_error();
  int r = SSL_do_handshake(ssl_);
  flush_control();
  if (r == 1) {
    if (out_.empty())
      std::string{}.swap(out_); // the handshake's: an idle connection needs none
    return {};
  }
  if (SSL_get_error(ssl_, r) == SSL_ERROR_WANT_READ)
    return asio::error::would_block;
  ERR_clear_error();
  return socket_error_ ? socket_error_ : error_code{asio::error::connection_aborted};
}

void channel::identify(peer_identity& peer) const {
  if (ssl_ != nullptr)
    tls_->identify(ssl_, peer);
}

size_t channel::read_now(char* into, size_t size, error_code& ec) {
  ec = {};
  if (ssl_ == nullptr) {
    auto n = ::recv(socket_.native_handle(), into, size, MSG_DONTWAIT);
    if (n > 0)
      return static_cast<size_t>(n);
    if (n == 0)
      ec = asio::error::eof;
    else
      ec = would_block(errno) ? error_code{asio::error::would_block} : last_error();
    return 0;
  }
  ERR_clear_error();
  size_t n = 0;
  int r = SSL_read_ex(ssl_, into, size, &n);
  int why = r == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_, r);
  if (!out_.empty() && !writing_)
    flush_control();
  if (r == 1)
    return n;
  if (why == SSL_ERROR_WANT_READ)
    ec = asio::error::would_block;
  else if (why == SSL_ERROR_ZERO_RETURN)
    ec = asio::error::eof;
  else
    ec = socket_error_ ? socket_error_ : error_code{asio::error::connection_aborted};
  ERR_clear_error();
  return 0;
}

bool channel::has_buffered() const {
  return ssl_ != nullptr && SSL_has_pending(ssl_) == 1;
}

void channel::wait_readable() {
  if (waiting_)
    return;
  waiting_ = true;
  socket_.async_wait(socket::wait_read, [self = shared_from_this()](error_code ec) {
    self->waiting_ = false;
    if (auto owner = self->owner_.lock())
      owner->on_readable(ec);
  });
}

void channel::wait_writable() {
  if (waiting_writable_)
    return;
  waiting_writable_ = true;
  socket_.async_wait(socket::wait_write, [self = shared_from_this()](error_code ec) {
    self->waiting_writable_ = false;
    self->on_writable(ec);
  });
}

void channel::on_writable(error_code ec) {
  if (!writing_) {
    if (!ec)
      flush_control();
    return;
  }
  auto owner = owner_.lock();
  if (!ec && !pump(ec)) {
    if (owner)
      owner->on_write_progress();
    return;
  }
  writing_ = false;
  pieces_.clear();
  if (owner)
    owner->on_written(ec);
}

// Output that no write() stands for: handshake messages, tickets, alerts.
void channel::flush_control() {
  error_code ec;
  if (!flush(out_, out_sent_, ec) && !ec)
    wait_writable();
}

bool channel::write(error_code& ec) {
  ec = {};
  next_piece_ = 0;
  if (pump(ec))
    return true;
  writing_ = true;
  wait_writable();
  return false;
}

// True when the write is over: all sent, or `ec`.
bool channel::pump(error_code& ec) {
  bool over = ssl_ == nullptr ? pump_plain(ec) : pump_tls(ec);
  if (over)
    pieces_.clear();
  else if (writing_)
    wait_writable();
  return over;
}

void channel::advance(size_t n) {
  while (n > 0) {
    auto& piece = pieces_[next_piece_];
    if (n < piece.size()) {
      piece += n;
      return;
    }
    n -= piece.size();
    ++next_piece_;
  }
}

bool channel::pump_plain(error_code& ec) {
  while (next_piece_ < pieces_.size()) {
    std::array<iovec, pieces_a_call> iov;
    size_t count = std::min(iov.size(), pieces_.size() - next_piece_);
    size_t total = 0;
    for (size_t i = 0; i < count; ++i) {
      auto& piece = pieces_[next_piece_ + i];
      iov[i] = {const_cast<void*>(piece.data()), piece.size()};
      total += piece.size();
    }
    if (total == 0) {
      next_piece_ += count;
      continue;
    }
    msghdr message{};
    message.msg_iov = iov.data();
    message.msg_iovlen = count;
    auto n = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      if (would_block(errno))
        return false;
      ec = last_error();
      return true;
    }
    advance(static_cast<size_t>(n));
  }
  return true;
}

// Sends `bytes` from `sent` on. True when all is gone; false with `ec`, or when it would block.
bool channel::flush(std::string& bytes, size_t& sent, error_code& ec) {
  while (sent < bytes.size()) {
    auto n = ::send(socket_.native_handle(), bytes.data() + sent, bytes.size() - sent,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      if (!would_block(errno))
        ec = last_error();
      return false;
    }
    sent += static_cast<size_t>(n);
  }
  sent = 0;
  bytes.clear();
  if (bytes.capacity() > record_bytes)
    std::string{}.swap(bytes); // an idle connection holds no memory
  return true;
}

bool channel::pump_tls(error_code& ec) {
  for (;;) {
    if (!flush(out_, out_sent_, ec))
      return bool(ec);
    if (next_piece_ == pieces_.size())
      return true;
    auto& batch = batch_of_thread();
    batch.clear();
    sink_ = &batch;
    while (batch.size() < batch_bytes && next_piece_ < pieces_.size() && encrypt_some(ec))
      ;
    sink_ = &out_;
    if (ec)
      return true;
    auto n =
        ::send(socket_.native_handle(), batch.data(), batch.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && !would_block(errno)) {
      ec = last_error();
      return true;
    }
    size_t taken = n < 0 ? 0 : static_cast<size_t>(n);
    if (taken < batch.size())
      out_.assign(batch, taken, std::string::npos);
  }
}

// Encrypts up to one record; small pieces are gathered, since each call makes a record of its own.
bool channel::encrypt_some(error_code& ec) {
  thread_local std::array<char, record_bytes> gathered;
  const char* bytes = static_cast<const char*>(pieces_[next_piece_].data());
  size_t size = std::min(pieces_[next_piece_].size(), record_bytes);
  if (size < record_bytes && next_piece_ + 1 < pieces_.size()) {
    size = 0;
    for (size_t i = next_piece_; i < pieces_.size() && size < record_bytes; ++i) {
      size_t n = std::min(pieces_[i].size(), record_bytes - size);
      std::memcpy(gathered.data() + size, pieces_[i].data(), n);
      size += n;
    }
    bytes = gathered.data();
  }
  if (size == 0) {
    ++next_piece_;
    return true;
  }
  ERR_clear_error();
  size_t written = 0;
  if (SSL_write_ex(ssl_, bytes, size, &written) != 1) {
    ec = asio::error::connection_aborted;
    ERR_clear_error();
    return false;
  }
  advance(written);
  return true;
}

void channel::shutdown_write() {
  if (ssl_ == nullptr) {
    half_close();
    return;
  }
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
  flush_control();
}

void channel::half_close() {
  error_code ignored;
  socket_.shutdown(socket::shutdown_send, ignored);
}

taken_socket channel::release() {
  taken_socket res;
  error_code ignored;
  res.fd = socket_.release(ignored);
  if (ssl_ == nullptr || res.fd < 0)
    return res;
  auto* bio = BIO_new_socket(res.fd, BIO_NOCLOSE);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_mode(ssl_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  res.tls = {std::exchange(ssl_, nullptr), [context = tls_](SSL* s) { SSL_free(s); }};
  return res;
}

void channel::close() {
  if (!socket_.is_open())
    return;
  if (ssl_ != nullptr && SSL_is_init_finished(ssl_) && !writing_ && out_.empty()) {
    ERR_clear_error();
    SSL_shutdown(ssl_);
    ERR_clear_error();
    error_code ignored;
    flush(out_, out_sent_, ignored);
  }
  error_code ignored;
  socket_.close(ignored);
}

} // namespace thespis::api::transport
