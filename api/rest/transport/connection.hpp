// One HTTP connection as a state machine on its worker's thread.
#pragma once

#include "api/rest/transport/wire.hpp"
#include "api/rest/transport/worker.hpp"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace thespis::api::transport {

class http_stream;

/// Owner: its worker, and for a while whoever owes it an answer. Requests are handled one at a
/// time, in the order they came; nothing is read ahead of an answer but what came along with the
/// request.
///
///     handshake ──► idle ──► header ──► body ──► handling ──► writing ──► idle
///                               │                 ▲  │            └─────► lingering
///                               └─────────────────┘  ├──► streaming ────► idle | lingering
///                                                    └──► closed (handed over as raw bytes)
///     any ──► closed
enum class connection_phase : uint8_t {
  handshake, ///< TLS
  idle,      ///< between requests; deadline: limits::idle
  header,    ///< some of a head has come; deadline: limits::header
  body,      ///< the hook wants the body; deadline: the rate floor
  handling,  ///< somebody owes the answer; no deadline
  writing,   ///< the answer is on its way; deadline: limits::write, moved by progress
  streaming, ///< a response_stream feeds the answer
  lingering, ///< all sent; input is discarded so that the client can read the answer
  closed,
};

class connection final : public channel_owner {
public:
  connection(std::shared_ptr<worker> on, channel::socket socket,
             std::shared_ptr<const tls_context> tls, peer_identity peer);
  ~connection() override;

  /// Registers with the worker and begins. On the I/O thread.
  void start();

  void on_readable(error_code ec) override;
  void on_written(error_code ec) override;
  void on_write_progress() override;
  void check(steady::time_point now) override;
  void shut_down(bool at_once) override;

  /// Answers exchange `id`; dropped when that is over. `done` is called in any case, once. From
  /// any thread.
  void reply(uint64_t id, response answer, std::function<void()> done = {});
  /// Gives the channel away. `f` is not called when exchange `id` is over. From any thread.
  void hand_over(uint64_t id, std::function<void(std::shared_ptr<raw_stream>)> f);
  /// A stream has something to send, or to end. From any thread, never acts inside the call.
  void kick();

  const peer_identity& peer() const { return peer_; }
  worker& io() { return *worker_; }

private:
  using parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  std::shared_ptr<connection> self() {
    return std::static_pointer_cast<connection>(shared_from_this());
  }

  // Input.
  void run();
  bool step();
  bool step_handshake();
  void no_stranger();
  bool step_header();
  bool step_body();
  bool step_lingering();
  bool read_more();
  bool parse_some(error_code& ec);
  void refuse_parse(error_code ec);

  // Decisions.
  bool head_complete();
  bool decide(const framing& frame);
  bool begin_body(size_t max_bytes);
  bool body_complete();
  void hand_to_listener(proceed& how, std::string body);
  void begin_stream(transport::stream& how, std::string body);
  void begin_upgrade(upgrade& how);

  // Output.
  void answer_with(response answer);
  void refuse_with(int status, std::string message);
  bool begin_answer();
  bool answer_written(error_code ec);
  bool step_streaming();
  bool pump_stream();
  bool put_batch();
  bool batch_written(error_code ec);
  bool exchange_done();
  void linger();
  void close();
  void end_in_flight();
  answer_context context() const;

  void set_deadline(std::chrono::milliseconds after) { deadline_ = worker_->now() + after; }

  std::shared_ptr<worker> worker_;
  std::shared_ptr<channel> channel_;
  peer_identity peer_;
  peer_table::counter in_flight_of_peer_;
  bool counted_in_flight_ = false;

  connection_phase phase_ = connection_phase::idle;
  steady::time_point deadline_ = steady::time_point::max();
  std::optional<std::list<std::weak_ptr<channel_owner>>::iterator> handshake_;
  bool registered_ = false;
  bool running_ = false;
  bool readable_ = false; ///< the socket may hold input

  std::string in_; ///< input not yet parsed, from in_at_ on
  size_t in_at_ = 0;
  bool need_input_ = true;
  std::optional<parser> parser_;
  std::optional<request_fields> frozen_head_; ///< of a chunked request: trailers cannot change it
  framing frame_;
  bool head_request_ = false;
  bool accepts_gzip_ = false;
  bool keep_alive_ = true;
  unsigned version_ = 11;
  uint64_t exchange_ = 0;
  std::variant<std::monostate, proceed, transport::stream> waiting_for_body_;
  steady::time_point body_began_;
  uint64_t body_wire_bytes_ = 0;
  size_t max_body_ = 0;
  size_t lingered_ = 0;

  std::optional<response> answer_;
  std::function<void()> answer_done_;
  std::string out_; ///< the head or chunk framing being written
  std::shared_ptr<http_stream> stream_;
  stream_batch batch_; ///< being written
};

} // namespace thespis::api::transport
