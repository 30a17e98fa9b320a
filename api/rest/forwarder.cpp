#include "api/rest/forwarder.hpp"

#include "api/outbound/tls_peer.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <array>
#include <limits>
#include <mutex>
#include <thread>

namespace thespis::api::rest {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;

constexpr size_t max_head = 64 * 1024;
constexpr size_t piece = 32 * 1024;
constexpr size_t forget_every = 64;

/// The connection, with or without TLS.
struct wire {
  wire(asio::io_context& io, const forward_request& r) : io(io), socket(io), peer(r.server_name) {}

  asio::io_context& io;
  tcp::socket socket;
  outbound::tls_peer peer;
  ssl::context context{ssl::context::tls_client};
  std::optional<ssl::stream<tcp::socket&>> tls;

  template <class F>
  void with(F f) {
    if (tls)
      f(*tls);
    else
      f(socket);
  }

  void close() {
    error_code ignored;
    socket.close(ignored);
  }

  /// Empty, or why TLS cannot be spoken as the request wants.
  std::string prepare(const forward_request& r) {
    if (!outbound::tls_peer::trust(context, r.ca_bundle))
      return "unable to load root certificates: unable to parse bytes as PEM block";
    error_code ec;
    if (!r.client_certificate.empty()) {
      context.use_certificate_chain(asio::buffer(r.client_certificate), ec);
      if (!ec)
        context.use_private_key(asio::buffer(r.client_key), ssl::context::pem, ec);
      if (ec)
        return "tls: failed to load the client certificate";
    }
    tls.emplace(socket, context);
    if (r.insecure)
      peer.announce(tls->native_handle());
    else
      peer.judge(*tls);
    return {};
  }
};

/// The connection after HTTP, as the transport's relay wants it.
class upgraded_stream final : public transport::raw_stream {
public:
  upgraded_stream(std::shared_ptr<wire> w, std::shared_ptr<void> owner, std::string early,
                  transport::peer_identity peer)
      : wire_(std::move(w)), owner_(std::move(owner)), early_(std::move(early)),
        peer_(std::move(peer)) {}
  ~upgraded_stream() override {
    asio::post(wire_->io, [w = wire_] { w->close(); });
  }

  void read(read_handler f) override {
    asio::post(wire_->io, [w = wire_, buffer = buffer_, early = std::exchange(early_, {}),
                           f = std::move(f)]() mutable {
      if (!early.empty())
        return f({}, early);
      w->with([&](auto& stream) {
        stream.async_read_some(asio::buffer(*buffer), [w, buffer, f](error_code ec, size_t n) {
          if (ec == ssl::error::stream_truncated)
            ec = asio::error::eof;
          f(ec, {buffer->data(), n});
        });
      });
    });
  }

  void write(transport::payload bytes, write_handler f) override {
    auto text = std::make_shared<std::string>();
    for (const auto& b : bytes)
      text->append(static_cast<const char*>(b.data()), b.size());
    asio::post(wire_->io, [w = wire_, text, f = std::move(f)]() mutable {
      w->with([&](auto& stream) {
        asio::async_write(stream, asio::buffer(*text),
                          [w, text, f = std::move(f)](error_code ec, size_t) { f(ec); });
      });
    });
  }

  void shutdown_write() override {
    asio::post(wire_->io, [w = wire_] {
      error_code ignored;
      if (w->tls)
        SSL_shutdown(w->tls->native_handle());
      w->socket.shutdown(tcp::socket::shutdown_send, ignored);
    });
  }

  void close() override {
    asio::post(wire_->io, [w = wire_] { w->close(); });
  }

  void post(std::function<void()> f) override { asio::post(wire_->io, std::move(f)); }
  void post_after(std::chrono::milliseconds delay, std::function<void()> f) override {
    auto timer = std::make_shared<asio::steady_timer>(wire_->io, delay);
    timer->async_wait([timer, w = std::weak_ptr(wire_), f = std::move(f)](error_code ec) {
      if (auto alive = w.lock(); alive && !ec && alive->socket.is_open())
        f();
    });
  }
  const transport::peer_identity& peer() const override { return peer_; }

private:
  const std::shared_ptr<wire> wire_;
  const std::shared_ptr<void> owner_; ///< through which a stopping forwarder ends us
  std::string early_;                 ///< came with the head
  const std::shared_ptr<std::array<char, piece>> buffer_ =
      std::make_shared<std::array<char, piece>>();
  const transport::peer_identity peer_;
};

/// One request on its way. Owner: its outstanding operation, or the stream that it became. All on
/// the forwarder's thread.
class session : public std::enable_shared_from_this<session> {
public:
  session(asio::io_context& io, forward_request r, std::shared_ptr<forward_sink> sink)
      : request_(std::move(r)), sink_(std::move(sink)), wire_(std::make_shared<wire>(io, request_)),
        timer_(io) {}

  void start() {
    if (!sink_)
      return;
    error_code ec;
    const auto address = asio::ip::make_address(request_.address, ec);
    if (ec)
      return fail_with("dial tcp: lookup " + request_.address + ": no such host");
    if (request_.tls)
      if (auto why = wire_->prepare(request_); !why.empty())
        return fail_with(std::move(why));
    deadline(request_.connect_timeout);
    where_ = address.is_v6() ? "[" + request_.address + "]" : request_.address;
    where_ += ":" + std::to_string(request_.port);
    wire_->socket.async_connect({address, request_.port}, [me = self()](error_code failed) {
      if (failed)
        return me->fail_with("dial tcp " + me->where_ +
                             ": connect: " + outbound::errno_words(failed));
      me->connected();
    });
  }

  void cancel() {
    sink_ = nullptr;
    end();
  }

private:
  std::shared_ptr<session> self() { return shared_from_this(); }

  void deadline(std::chrono::milliseconds after) {
    timer_.expires_after(after);
    timer_.async_wait([weak = weak_from_this()](error_code ec) {
      auto me = weak.lock();
      if (!me || ec)
        return;
      me->fail_with("context deadline exceeded", reason::timeout);
    });
  }

  void end() {
    timer_.cancel();
    wire_->close();
  }

  void finish(std::optional<error> e) {
    auto sink = std::exchange(sink_, nullptr);
    end();
    if (sink)
      sink->done(std::move(e));
  }

  void fail_with(std::string message, reason why = reason::service_unavailable) {
    error e;
    e.why = why;
    e.message = std::move(message);
    finish(std::move(e));
  }

  void connected() {
    error_code ignored;
    wire_->socket.set_option(tcp::no_delay{true}, ignored);
    if (!request_.tls)
      return write();
    wire_->tls->async_handshake(ssl::stream_base::client, [me = self()](error_code ec) {
      if (ec)
        return me->fail_with(me->wire_->peer.failure(ec));
      me->write();
    });
  }

  void write() {
    if (!sink_)
      return;
    out_ = request_.method + " " + request_.target + " HTTP/1.1\r\nHost: " + request_.host + "\r\n";
    for (const auto& [name, value] : request_.headers)
      out_.append(name).append(": ").append(value).append("\r\n");
    if (!request_.upgrade)
      out_ += "Connection: close\r\n";
    if (!request_.body.empty() || request_.method == "POST" || request_.method == "PUT" ||
        request_.method == "PATCH")
      out_ += "Content-Length: " + std::to_string(request_.body.size()) + "\r\n";
    out_ += "\r\n";
    if (request_.head_timeout.count() > 0)
      deadline(request_.head_timeout);
    else
      timer_.cancel();
    const std::array<asio::const_buffer, 2> buffers{asio::buffer(out_),
                                                    asio::buffer(request_.body)};
    wire_->with([&](auto& stream) {
      asio::async_write(stream, buffers, [me = self()](error_code ec, size_t) {
        // A server may answer, and close, before it has read all.
        if (ec && ec != asio::error::broken_pipe && ec != asio::error::connection_reset)
          return me->fail_with("write tcp: " + outbound::errno_words(ec));
        me->read_head();
      });
    });
  }

  void read_head() {
    if (!sink_)
      return;
    parser_.emplace();
    parser_->header_limit(max_head);
    // Not none: Beast 1.74 takes every announced length for more than that.
    parser_->body_limit(std::numeric_limits<uint64_t>::max());
    if (request_.method == "HEAD")
      parser_->skip(true);
    wire_->with([&](auto& stream) {
      http::async_read_header(stream, buffer_, *parser_,
                              [me = self()](error_code ec, size_t) { me->head_read(ec); });
    });
  }

  void head_read(error_code ec) {
    if (!sink_)
      return;
    if (ec)
      return fail_with(!parser_->got_some() || ec == http::error::end_of_stream
                           ? "EOF"
                           : "net/http: HTTP/1.x transport connection broken: malformed HTTP "
                             "response");
    const auto& got = parser_->get();
    const int status = static_cast<int>(got.result_int());
    if (status < 200 && status != 101)
      return read_head();
    timer_.cancel();
    forward_head h;
    h.status = status;
    for (const auto& f : got)
      h.headers.emplace_back(std::string(f.name_string()), std::string(f.value()));
    if (status == 101) {
      if (!request_.upgrade)
        return fail_with("unsolicited switch of protocols");
      return hand_over(std::move(h));
    }
    sink_->head(std::move(h));
    if (sink_)
      read_some();
  }

  void hand_over(forward_head h) {
    std::string early = beast::buffers_to_string(buffer_.data());
    transport::peer_identity peer;
    peer.address = request_.address;
    peer.port = request_.port;
    auto sink = std::exchange(sink_, nullptr);
    sink->head(std::move(h));
    sink->upgraded(
        std::make_shared<upgraded_stream>(wire_, self(), std::move(early), std::move(peer)));
  }

  void read_some() {
    if (!sink_)
      return;
    if (parser_->is_done())
      return finish({});
    auto& body = parser_->get().body();
    body.data = piece_.data();
    body.size = piece_.size();
    wire_->with([&](auto& stream) {
      http::async_read_some(stream, buffer_, *parser_,
                            [me = self()](error_code ec, size_t) { me->some_read(ec); });
    });
  }

  void some_read(error_code ec) {
    if (!sink_)
      return;
    if (ec == http::error::need_buffer)
      ec = {};
    if (ec == ssl::error::stream_truncated && parser_->need_eof()) {
      // Many servers end a connection without TLS's own farewell.
      error_code end;
      parser_->put_eof(end);
      ec = end;
    }
    const size_t n = piece_.size() - parser_->get().body().size;
    if (ec)
      return fail_with("unexpected EOF");
    if (n == 0)
      return read_some();
    sink_->bytes(std::string(piece_.data(), n),
                 [me = self()] { asio::post(me->wire_->io, [me] { me->read_some(); }); });
  }

  const forward_request request_;
  std::shared_ptr<forward_sink> sink_; ///< null once it is over
  const std::shared_ptr<wire> wire_;
  asio::steady_timer timer_;
  std::string where_, out_;
  beast::flat_buffer buffer_{max_head};
  std::optional<http::response_parser<http::buffer_body>> parser_;
  std::array<char, piece> piece_;
};

} // namespace

struct forwarder::impl {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{io.get_executor()};
  std::mutex mutex;
  std::thread thread;
  bool stopped = false;
  std::vector<std::weak_ptr<session>> sessions; ///< on the thread only

  void begin(const std::shared_ptr<session>& s) {
    if (sessions.size() % forget_every == forget_every - 1)
      std::erase_if(sessions, [](const auto& w) { return w.expired(); });
    sessions.push_back(s);
    s->start();
  }
};

forwarder::forwarder() : impl_(std::make_unique<impl>()) {}

forwarder::~forwarder() {
  stop();
}

std::function<void()> forwarder::send(forward_request r, std::shared_ptr<forward_sink> sink) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->stopped)
    return [] {};
  if (!impl_->thread.joinable())
    impl_->thread = std::thread([this] { impl_->io.run(); });
  auto s = std::make_shared<session>(impl_->io, std::move(r), std::move(sink));
  asio::post(impl_->io, [i = impl_.get(), s] { i->begin(s); });
  return [this, weak = std::weak_ptr(s)] {
    if (auto alive = weak.lock())
      asio::post(impl_->io, [alive] { alive->cancel(); });
  };
}

void forwarder::stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    if (std::exchange(impl_->stopped, true) || !impl_->thread.joinable())
      return;
  }
  // What waits for a closed socket runs before the second of two posts: nobody is forgotten.
  asio::post(impl_->io, [i = impl_.get()] {
    for (const auto& weak : i->sessions)
      if (auto s = weak.lock())
        s->cancel();
    asio::post(i->io, [i] { asio::post(i->io, [i] { i->io.stop(); }); });
  });
  impl_->thread.join();
}

} // namespace thespis::api::rest
