#include "api/rest/transport/connection.hpp"

#include "api/rest/transport/http_stream.hpp"

#include <boost/asio/error.hpp>

namespace thespis::api::transport {

namespace http = boost::beast::http;
namespace asio = boost::asio;

namespace {

constexpr size_t head_read_bytes = 16 * 1024;
constexpr size_t body_read_bytes = 64 * 1024;
constexpr size_t framing_bytes = 8 * 1024;           // of one chunk header, or of all trailers
constexpr size_t lingering_bytes = 16 * 1024 * 1024; // discarded before the connection is cut
constexpr std::chrono::milliseconds lingering_time{2'000};

char* read_buffer() {
  thread_local std::array<char, body_read_bytes> buffer;
  return buffer.data();
}

} // namespace

connection::connection(std::shared_ptr<worker> on, channel::socket socket,
                       std::shared_ptr<const tls_context> tls, peer_identity peer)
    : worker_{std::move(on)}, channel_{std::make_shared<channel>(std::move(socket),
                                                                 std::move(tls))},
      peer_{std::move(peer)}, in_flight_of_peer_{worker_->shared->peers.at(peer_.address)} {
  ++worker_->shared->count.connections;
}

connection::~connection() {
  --worker_->shared->count.connections;
}

void connection::start() {
  channel_->set_owner(weak_from_this());
  worker_->add(self());
  registered_ = true;
  if (channel_->tls()) {
    phase_ = connection_phase::handshake;
    handshake_ = worker_->begin_handshake(self());
    set_deadline(worker_->shared->limits.handshake);
  } else {
    set_deadline(worker_->shared->limits.header);
  }
  channel_->wait_readable();
}

void connection::on_readable(error_code ec) {
  if (phase_ == connection_phase::closed)
    return;
  if (ec) {
    close();
    return;
  }
  readable_ = true;
  run();
}

// Goes on until something must be waited for. An answer given inside a handler is found by the
// loop, so pipelined requests do not deepen the stack.
void connection::run() {
  if (running_)
    return;
  auto alive = shared_from_this();
  running_ = true;
  while (step())
    ;
  running_ = false;
}

bool connection::step() {
  switch (phase_) {
  case connection_phase::handshake:
    return step_handshake();
  case connection_phase::idle:
  case connection_phase::header:
    return step_header();
  case connection_phase::body:
    return step_body();
  case connection_phase::handling:
    return begin_answer();
  case connection_phase::streaming:
    return step_streaming();
  case connection_phase::lingering:
    return step_lingering();
  case connection_phase::writing:
  case connection_phase::closed:
    return false;
  }
  return false;
}

bool connection::step_handshake() {
  auto ec = channel_->handshake_step();
  if (ec == asio::error::would_block) {
    readable_ = false;
    channel_->wait_readable();
    return false;
  }
  if (ec) {
    ++worker_->shared->count.handshakes_failed;
    close();
    return false;
  }
  channel_->identify(peer_);
  if (peer_.verified)
    no_stranger();
  phase_ = connection_phase::idle;
  // The deadline stays: until its first request a client gets no more time than for the handshake.
  return true;
}

// Appends what the socket has to in_. False when there is nothing now, or ever.
bool connection::read_more() {
  if (!readable_ && !channel_->has_buffered()) {
    channel_->wait_readable();
    return false;
  }
  if (in_at_ > 0) {
    in_.erase(0, in_at_);
    in_at_ = 0;
  }
  bool bulk = phase_ == connection_phase::body;
  size_t size = bulk ? body_read_bytes : head_read_bytes;
  error_code ec;
  size_t n = channel_->read_now(read_buffer(), size, ec);
  if (ec == asio::error::would_block) {
    readable_ = false;
    channel_->wait_readable();
    return false;
  }
  if (ec) {
    close();
    return false;
  }
  // What is left in the socket will be reported again by the next wait.
  readable_ = bulk || n == size;
  in_.append(read_buffer(), n);
  if (bulk) {
    body_wire_bytes_ += n;
    auto& limits = worker_->shared->limits;
    deadline_ = body_began_ + limits.body_grace +
                std::chrono::milliseconds{body_wire_bytes_ * 1000 / limits.body_bytes_per_second};
  }
  return true;
}

// Feeds in_ to the parser. True when it got on; need_input_ when it wants more.
bool connection::parse_some(error_code& ec) {
  size_t used = parser_->put(asio::buffer(in_.data() + in_at_, in_.size() - in_at_), ec);
  in_at_ += used;
  if (ec == http::error::need_more) {
    ec = {};
    need_input_ = true;
  }
  if (in_at_ == in_.size()) {
    in_at_ = 0;
    in_.clear();
    if (in_.capacity() > head_read_bytes)
      std::string{}.swap(in_);
  }
  return !ec;
}

bool connection::step_header() {
  if (need_input_ || in_.empty()) {
    if (!read_more())
      return false;
    need_input_ = false;
  }
  if (phase_ == connection_phase::idle) {
    // RFC 9112 2.2: empty lines before a request are ignored.
    while (in_at_ < in_.size() && (in_[in_at_] == '\r' || in_[in_at_] == '\n'))
      ++in_at_;
    if (in_at_ == in_.size()) {
      in_.clear();
      in_at_ = 0;
      return true;
    }
    phase_ = connection_phase::header;
    if (exchange_ > 0)
      set_deadline(worker_->shared->limits.header);
    frozen_head_.reset();
    head_request_ = accepts_gzip_ = false;
    version_ = 11;
    parser_.emplace();
    parser_->header_limit(static_cast<uint32_t>(worker_->shared->limits.header_bytes));
    // Judged by us, once the hook has spoken.
    parser_->body_limit(std::numeric_limits<uint64_t>::max());
    parser_->eager(false);
  }
  error_code ec;
  if (!parse_some(ec)) {
    refuse_parse(ec);
    return true;
  }
  if (!parser_->is_header_done())
    return true;
  no_stranger();
  return head_complete();
}

// Until somebody has shown a certificate or asked for something, newer ones may take their place.
void connection::no_stranger() {
  if (handshake_)
    worker_->end_handshake(*handshake_);
  handshake_.reset();
}

void connection::refuse_parse(error_code ec) {
  keep_alive_ = false;
  if (ec == http::error::header_limit)
    refuse_with(431, "the request's headers are too large");
  else if (ec == http::error::body_limit)
    refuse_with(413, "the request's body is too large");
  else if (ec == http::error::bad_version)
    refuse_with(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  else
    refuse_with(400, "the request is malformed: " + ec.message());
}

bool connection::step_body() {
  if (need_input_ || in_.empty()) {
    if (!read_more())
      return false;
    need_input_ = false;
  }
  error_code ec;
  if (!parse_some(ec)) {
    refuse_parse(ec);
    return true;
  }
  if (parser_->is_done())
    return body_complete();
  // A chunk header or trailers that do not end, and chunks that are mostly framing.
  if (in_.size() - in_at_ > framing_bytes && need_input_) {
    refuse_parse(http::error::bad_chunk);
    return true;
  }
  if (body_wire_bytes_ > 4 * max_body_ + body_read_bytes) {
    refuse_parse(http::error::body_limit);
    return true;
  }
  return true;
}

// Discards what the client still sends: closing with unread input would reset the connection and
// take the answer away from under the client's eyes.
bool connection::step_lingering() {
  for (;;) {
    if (!readable_ && !channel_->has_buffered()) {
      channel_->wait_readable();
      return false;
    }
    error_code ec;
    size_t n = channel_->read_now(read_buffer(), body_read_bytes, ec);
    lingered_ += n;
    if (ec == asio::error::would_block) {
      readable_ = false;
      continue;
    }
    if (ec || lingered_ > lingering_bytes) {
      close();
      return false;
    }
  }
}

void connection::linger() {
  if (phase_ == connection_phase::closed)
    return;
  phase_ = connection_phase::lingering;
  in_.clear();
  in_at_ = 0;
  readable_ = true;
  set_deadline(lingering_time);
  if (channel_->tls())
    channel_->shutdown_write();
  channel_->half_close();
}

void connection::check(steady::time_point now) {
  if (now < deadline_ || phase_ == connection_phase::closed)
    return;
  switch (phase_) {
  case connection_phase::header:
  case connection_phase::body:
    ++worker_->shared->count.timed_out;
    keep_alive_ = false;
    refuse_with(408, "the request did not arrive in time");
    run();
    return;
  case connection_phase::idle:
  case connection_phase::lingering:
    close();
    return;
  case connection_phase::handshake:
  case connection_phase::writing:
  case connection_phase::streaming:
    ++worker_->shared->count.timed_out;
    close();
    return;
  case connection_phase::handling:
  case connection_phase::closed:
    return;
  }
}

void connection::shut_down(bool at_once) {
  if (at_once || phase_ == connection_phase::idle || phase_ == connection_phase::handshake) {
    close();
    return;
  }
  keep_alive_ = false;
  if (stream_)
    stream_->close();
}

void connection::close() {
  if (phase_ == connection_phase::closed)
    return;
  auto alive = shared_from_this();
  phase_ = connection_phase::closed;
  no_stranger();
  end_in_flight();
  if (channel_)
    channel_->close();
  if (registered_)
    worker_->remove(this);
  registered_ = false;
  waiting_for_body_ = std::monostate{};
  if (auto done = std::exchange(answer_done_, {}))
    done();
  if (auto stream = std::exchange(stream_, nullptr)) {
    --worker_->shared->count.streams;
    stream->ended();
  }
}

} // namespace thespis::api::transport
