// What a connection decides about a request, and how it answers.
#include "api/rest/transport/connection.hpp"
#include "api/rest/transport/cpprest.hpp"
#include "api/rest/transport/http_stream.hpp"
#include "api/rest/transport/raw_socket.hpp"

#include <spdlog/spdlog.h>

namespace thespis::api::transport {

namespace {

constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

std::string_view sv(boost::beast::string_view s) {
  return {s.data(), s.size()};
}

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>;

} // namespace

bool connection::head_complete() {
  auto& shared = *worker_->shared;
  ++exchange_;
  ++shared.count.requests;
  const request_fields& head = parser_->get().base();
  version_ = head.version() == 10 ? 10 : 11;
  head_request_ = head.method() == boost::beast::http::verb::head;
  frame_ = {};
  keep_alive_ = parser_->keep_alive() && !shared.stopping;
  if (auto refused = check_head(head, frame_)) {
    keep_alive_ = false;
    refuse_with(refused->status, std::move(refused->message));
    return true;
  }
  auto accepted = head.find(boost::beast::http::field::accept_encoding);
  accepts_gzip_ = accepted != head.end() && transport::accepts_gzip(sv(accepted->value()));
  counted_in_flight_ = true;
  if (++*in_flight_of_peer_ > shared.limits.max_in_flight_per_peer) {
    keep_alive_ = keep_alive_ && !frame_.has_body();
    refuse_with(429, "too many requests are in flight, please try again later");
    return true;
  }
  if (frame_.chunked)
    frozen_head_ = head;
  return decide(frame_);
}

bool connection::decide(const framing& frame) {
  auto& shared = *worker_->shared;
  outcome decision;
  try {
    decision = shared.hook(request_head{&parser_->get().base(), peer_});
  } catch (const std::exception& e) {
    spdlog::error("http transport: deciding over a request failed: {}", e.what());
    decision = refuse(internal_error("the request could not be examined"));
  }
  return std::visit(overloaded{[&](respond& how) {
                                 keep_alive_ = keep_alive_ && !frame.has_body();
                                 answer_with(std::move(how.answer));
                                 return true;
                               },
                               [&](proceed& how) {
                                 auto max = how.max_body_bytes > 0 ? how.max_body_bytes
                                                                   : shared.limits.body_bytes;
                                 if (!frame.has_body()) {
                                   hand_to_listener(how, {});
                                   return true;
                                 }
                                 waiting_for_body_ = std::move(how);
                                 return begin_body(max);
                               },
                               [&](transport::stream& how) {
                                 if (!how.read_body || !frame.has_body()) {
                                   keep_alive_ = keep_alive_ && !frame.has_body();
                                   begin_stream(how, {});
                                   return true;
                                 }
                                 waiting_for_body_ = std::move(how);
                                 return begin_body(shared.limits.body_bytes);
                               },
                               [&](upgrade& how) {
                                 begin_upgrade(how);
                                 return true;
                               }},
                    decision);
}

bool connection::begin_body(size_t max_bytes) {
  if (frame_.content_length > max_bytes) {
    keep_alive_ = false;
    refuse_with(413, "the request's body is larger than " + std::to_string(max_bytes) + " bytes");
    return true;
  }
  max_body_ = max_bytes;
  parser_->body_limit(max_bytes);
  parser_->eager(true);
  phase_ = connection_phase::body;
  body_began_ = worker_->now();
  body_wire_bytes_ = 0;
  set_deadline(worker_->shared->limits.body_grace);
  need_input_ = in_.empty();
  readable_ = true;
  if (!frame_.expects_continue || !in_.empty())
    return true;
  // A client that cannot take 25 bytes will not get an answer either.
  channel_->pieces().push_back(boost::asio::buffer(continue_line.data(), continue_line.size()));
  error_code ec;
  if (!channel_->write(ec))
    return false;
  if (ec)
    close();
  return !ec;
}

bool connection::body_complete() {
  auto how = std::exchange(waiting_for_body_, std::monostate{});
  auto body = std::move(parser_->get().body());
  if (auto* to_listener = std::get_if<proceed>(&how))
    hand_to_listener(*to_listener, std::move(body));
  else if (auto* to_stream = std::get_if<transport::stream>(&how))
    begin_stream(*to_stream, std::move(body));
  return true;
}

void connection::hand_to_listener(proceed& how, std::string body) {
  phase_ = connection_phase::handling;
  deadline_ = steady::time_point::max();
  auto& head = frozen_head_ ? *frozen_head_ : parser_->get().base();
  auto path = sv(head.target()).substr(0, sv(head.target()).find('?'));
  auto request = make_request(self(), exchange_, head, std::move(how.context), std::move(body));
  if (!request) {
    refuse_with(400, "the request target is not a valid URI");
    return;
  }
  worker_->shared->dispatch(*request, path);
}

void connection::begin_stream(transport::stream& how, std::string body) {
  phase_ = connection_phase::streaming;
  deadline_ = steady::time_point::max();
  end_in_flight();
  ++worker_->shared->count.streams;
  stream_ =
      std::make_shared<http_stream>(self(), worker_, worker_->shared->limits.stream_pending_bytes);
  try {
    how.start(std::make_shared<stream_handle>(stream_), std::move(body));
  } catch (const std::exception& e) {
    spdlog::error("http transport: a stream could not be started: {}", e.what());
    stream_->abort();
  }
  if (worker_->shared->stopping)
    stream_->close();
}

namespace {

class pending_upgrade final : public upgrade_request {
public:
  pending_upgrade(std::shared_ptr<connection> c, uint64_t id) : conn_{std::move(c)}, id_{id} {}
  ~pending_upgrade() override {
    if (!done_)
      conn_->reply(id_, status_response(500, "the request was dropped"));
  }
  void accept(std::function<void(std::shared_ptr<raw_stream>)> f) override {
    if (!done_.exchange(true))
      conn_->hand_over(id_, std::move(f));
  }
  void refuse(response answer) override {
    if (!done_.exchange(true))
      conn_->reply(id_, std::move(answer));
  }

private:
  const std::shared_ptr<connection> conn_;
  const uint64_t id_;
  std::atomic<bool> done_{false};
};

} // namespace

void connection::begin_upgrade(upgrade& how) {
  if (frame_.has_body()) {
    keep_alive_ = false;
    refuse_with(400, "a request to upgrade cannot have a body");
    return;
  }
  phase_ = connection_phase::handling;
  deadline_ = steady::time_point::max();
  try {
    how.start(std::make_shared<pending_upgrade>(self(), exchange_));
  } catch (const std::exception& e) {
    spdlog::error("http transport: an upgrade could not be started: {}", e.what());
  }
}

void connection::hand_over(uint64_t id, std::function<void(std::shared_ptr<raw_stream>)> f) {
  worker_->dispatch([this, alive = self(), id, f = std::move(f)] {
    if (phase_ != connection_phase::handling || id != exchange_)
      return;
    end_in_flight();
    phase_ = connection_phase::closed;
    auto stream =
        raw_socket::adopt(worker_, std::exchange(channel_, nullptr), in_.substr(in_at_), peer_);
    worker_->remove(this);
    registered_ = false;
    f(std::move(stream));
  });
}

void connection::reply(uint64_t id, response answer, std::function<void()> done) {
  if (!worker_->on_thread()) {
    // Dropped unrun when the worker has ended; `done` is then called by the guard.
    auto guard = std::shared_ptr<void>{nullptr, [done](void*) {
                                         if (done)
                                           done();
                                       }};
    worker_->post([c = self(), id, a = std::make_shared<response>(std::move(answer)), guard] {
      c->reply(id, std::move(*a), [guard] {});
    });
    return;
  }
  if (phase_ != connection_phase::handling || id != exchange_ || answer_) {
    if (done)
      done();
    return;
  }
  answer_ = std::move(answer);
  answer_done_ = std::move(done);
  run();
}

void connection::answer_with(response answer) {
  phase_ = connection_phase::handling;
  answer_ = std::move(answer);
}

void connection::refuse_with(int status, std::string message) {
  ++worker_->shared->count.refused;
  waiting_for_body_ = std::monostate{};
  answer_with(status_response(status, std::move(message)));
}

answer_context connection::context() const {
  answer_context c;
  c.version = version_;
  c.keep_alive = keep_alive_ && !worker_->shared->stopping;
  c.head_request = head_request_;
  c.accepts_gzip = accepts_gzip_;
  c.gzip_bytes = worker_->shared->limits.gzip_bytes;
  c.date = worker_->date();
  return c;
}

bool connection::begin_answer() {
  if (!answer_)
    return false;
  if (channel_->writing()) // the interim 100 is still on its way
    return false;
  if (answer_->close)
    keep_alive_ = false;
  auto how = context();
  keep_alive_ = how.keep_alive;
  out_.clear();
  bool with_body = put_head(out_, *answer_, how);
  auto& pieces = channel_->pieces();
  pieces.push_back(boost::asio::buffer(out_));
  if (with_body)
    pieces.insert(pieces.end(), answer_->body.begin(), answer_->body.end());
  phase_ = connection_phase::writing;
  set_deadline(worker_->shared->limits.write);
  error_code ec;
  return channel_->write(ec) && answer_written(ec);
}

void connection::on_write_progress() {
  if (phase_ == connection_phase::writing || phase_ == connection_phase::streaming)
    set_deadline(worker_->shared->limits.write);
}

void connection::on_written(error_code ec) {
  if (phase_ == connection_phase::closed)
    return;
  if (phase_ == connection_phase::writing) {
    answer_written(ec);
  } else if (ec) {
    close();
  } else if (phase_ == connection_phase::streaming) {
    batch_written(ec);
  }
  run();
}

bool connection::answer_written(error_code ec) {
  end_in_flight();
  answer_.reset();
  if (auto done = std::exchange(answer_done_, {}))
    done();
  if (ec) {
    close();
    return false;
  }
  return exchange_done();
}

bool connection::exchange_done() {
  if (phase_ == connection_phase::closed)
    return false;
  if (!keep_alive_) {
    linger();
    return true;
  }
  phase_ = connection_phase::idle;
  need_input_ = in_.empty();
  set_deadline(worker_->shared->limits.idle);
  if (worker_->shared->stopping && in_.empty()) {
    close();
    return false;
  }
  return true;
}

void connection::end_in_flight() {
  if (counted_in_flight_)
    --*in_flight_of_peer_;
  counted_in_flight_ = false;
}

void connection::kick() {
  if (phase_ == connection_phase::streaming)
    run();
}

// The client's input is read, up to a bound, only to notice its end.
bool connection::step_streaming() {
  if ((readable_ || channel_->has_buffered()) &&
      in_.size() < worker_->shared->limits.unauthenticated_bytes) {
    if (!read_more())
      return phase_ == connection_phase::streaming && pump_stream();
    return true;
  }
  if (in_.size() < worker_->shared->limits.unauthenticated_bytes)
    channel_->wait_readable();
  return pump_stream();
}

bool connection::pump_stream() {
  if (channel_->writing() || !stream_)
    return false;
  return put_batch();
}

bool connection::batch_written(error_code ec) {
  auto sent = std::exchange(batch_, {});
  deadline_ = steady::time_point::max();
  if (!stream_)
    return false;
  stream_->sent(sent.size);
  if (ec) {
    close();
    return false;
  }
  if (!sent.last)
    return phase_ == connection_phase::streaming;
  auto stream = std::exchange(stream_, nullptr);
  --worker_->shared->count.streams;
  bool go_on = exchange_done();
  stream->ended();
  return go_on;
}

bool connection::put_batch() {
  auto batch = stream_->take();
  if (batch.abort) {
    close();
    return false;
  }
  if (batch.empty())
    return false;
  out_.clear();
  if (version_ == 10)
    keep_alive_ = false;
  if (batch.has_head) {
    put_stream_head(out_, batch.status, batch.content_type, batch.headers, context());
    head_request_ = head_request_ || is_bodiless(batch.status);
  }
  bool chunked = version_ == 11;
  bool with_body = !head_request_;
  bool has_bytes = batch.size > 0 && with_body;
  if (has_bytes && chunked)
    put_chunk_size(out_, batch.size);
  auto& pieces = channel_->pieces();
  pieces.push_back(boost::asio::buffer(out_));
  if (has_bytes)
    for (auto& b : batch.bytes)
      pieces.push_back(boost::asio::buffer(*b));
  static constexpr std::string_view chunk_end = "\r\n", last_chunk = "0\r\n\r\n";
  if (has_bytes && chunked)
    pieces.push_back(boost::asio::buffer(chunk_end.data(), chunk_end.size()));
  if (batch.last && chunked && with_body)
    pieces.push_back(boost::asio::buffer(last_chunk.data(), last_chunk.size()));
  batch_ = std::move(batch);
  set_deadline(worker_->shared->limits.write);
  error_code ec;
  return channel_->write(ec) && batch_written(ec);
}

} // namespace thespis::api::transport
