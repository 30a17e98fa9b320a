// Probes over real sockets: one I/O thread, one attempt a probe, nothing kept between them.
#include "actors/pod/probe_port.hpp"
#include "actors/pod/probe_url.hpp"
#include "api/text/quote.hpp"
#include "runtime/cri/grpc_health.hpp"

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <thread>
#include <unordered_map>

namespace thespis::actors {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;

constexpr int max_redirects = 10;
constexpr size_t max_body = 10 * 1024;
constexpr size_t max_header = 64 * 1024;

// "Connection refused" as Go writes it.
std::string words_of(const error_code& e) {
  if (e == asio::error::eof || e == http::error::end_of_stream ||
      e == http::error::partial_message || e == ssl::error::stream_truncated)
    return "EOF";
  auto res = e.message();
  if (!res.empty() && res.front() >= 'A' && res.front() <= 'Z')
    res.front() = static_cast<char>(res.front() + 32);
  return res;
}

class attempt;

/// What the I/O thread works on; it outlives the port when the port ends on that very thread.
struct engine {
  std::unordered_map<attempt*, std::weak_ptr<attempt>> live;
  asio::io_context io{1};
  ssl::context tls{ssl::context::tls_client};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  bool stopped = false;

  engine() { tls.set_verify_mode(ssl::verify_none); }
};

/// One probe: connects, then does what its kind does, within one deadline. Lives as long as one
/// of its operations is under way.
class attempt : public std::enable_shared_from_this<attempt> {
public:
  attempt(engine& e, std::chrono::seconds timeout, probe_port::callback done)
      : engine_(e), resolver_(e.io), deadline_(e.io), done_(std::move(done)),
        timeout_(std::max(timeout, std::chrono::seconds{1})) {}
  virtual ~attempt() { engine_.live.erase(this); }

  void start() {
    engine_.live[this] = weak_from_this();
    deadline_.expires_after(timeout_);
    deadline_.async_wait([self = shared_from_this()](error_code e) {
      if (!e)
        self->time_out();
    });
    begin();
  }
  void cancel() { finish(false, "probe was canceled"); }

protected:
  virtual void begin() = 0;
  virtual void time_out() = 0;
  virtual void connected() = 0;
  virtual void not_connected(std::string why) = 0;
  virtual void close() = 0;
  virtual beast::tcp_stream& socket() = 0;

  void connect(const std::string& host, int port) {
    error_code not_address;
    const auto address = asio::ip::make_address(host, not_address);
    if (!not_address) {
      const tcp::endpoint to{address, static_cast<uint16_t>(port)};
      socket().async_connect(
          to, [self = shared_from_this(), to](error_code e) { self->on_connect(e, to); });
      return;
    }
    resolver_.async_resolve(
        host, std::to_string(port),
        [self = shared_from_this(), host](error_code e, const tcp::resolver::results_type& found) {
          if (self->finished())
            return;
          if (e) {
            self->not_connected("dial tcp: lookup " + host + ": no such host");
            return;
          }
          self->socket().async_connect(
              found, [self, first = found.begin()->endpoint()](error_code why, const auto&) {
                self->on_connect(why, first);
              });
        });
  }

  bool finished() const { return !done_; }

  void finish(bool success, std::string message, bool warning = false) {
    if (!done_)
      return;
    auto done = std::exchange(done_, nullptr);
    deadline_.cancel();
    resolver_.cancel();
    close();
    done({success, std::move(message), warning});
  }

  engine& engine_;

private:
  void on_connect(error_code e, const tcp::endpoint& to) {
    if (finished())
      return;
    if (!e) {
      connected();
      return;
    }
    not_connected("dial tcp " + join_host_port(to.address().to_string(), to.port()) +
                  ": connect: " + words_of(e));
  }

  tcp::resolver resolver_;
  asio::steady_timer deadline_;
  probe_port::callback done_;
  const std::chrono::seconds timeout_;
};

class tcp_attempt : public attempt {
public:
  tcp_attempt(engine& e, std::string host, int port, std::chrono::seconds timeout,
              probe_port::callback done)
      : attempt(e, timeout, std::move(done)), socket_(e.io), host_(std::move(host)), port_(port) {}

private:
  void begin() override { connect(host_, port_); }
  void time_out() override {
    finish(false, "dial tcp " + join_host_port(host_, port_) + ": i/o timeout");
  }
  void connected() override { finish(true, {}); }
  void not_connected(std::string why) override { finish(false, std::move(why)); }
  void close() override { socket_.close(); }
  beast::tcp_stream& socket() override { return socket_; }

  beast::tcp_stream socket_;
  const std::string host_;
  const int port_;
};

class http_attempt : public attempt {
public:
  http_attempt(engine& e, const http_probe& what, std::chrono::seconds timeout,
               probe_port::callback done)
      : attempt(e, timeout, std::move(done)),
        url_(make_probe_url(what.tls, what.host, what.port, what.path)), headers_(what.headers) {}

private:
  using tls_stream = ssl::stream<beast::tcp_stream&>;

  std::shared_ptr<http_attempt> self() {
    return std::static_pointer_cast<http_attempt>(shared_from_this());
  }
  beast::tcp_stream& socket() override { return *socket_; }
  void close() override {
    // Operations under way end with an error; their buffers live as long as they do.
    if (socket_)
      socket_->close();
  }
  void begin() override {
    // The TLS stream refers to the socket, so it goes first.
    tls_.reset();
    socket_.emplace(engine_.io);
    connect(url_.host, url_.port);
  }
  void time_out() override {
    fail("context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
  }
  void not_connected(std::string why) override { fail(std::move(why)); }
  void fail(const std::string& why) {
    finish(false, "Get " + api::quote_go(url_.to_string()) + ": " + why);
  }

  void connected() override {
    if (!url_.tls) {
      send();
      return;
    }
    tls_.emplace(*socket_, engine_.tls);
    error_code not_address;
    asio::ip::make_address(url_.host, not_address);
    if (not_address)
      SSL_set_tlsext_host_name(tls_->native_handle(), url_.host.c_str());
    tls_->async_handshake(ssl::stream_base::client, [self = self()](error_code e) {
      if (self->finished())
        return;
      if (e)
        self->fail("tls: " + words_of(e));
      else
        self->send();
    });
  }

  // Fails for a header that Go would not send either.
  bool make_request() {
    request_ = {};
    request_.version(11);
    request_.method(http::verb::get);
    request_.target(url_.target);
    request_.set(http::field::host, join_host_port(url_.host, url_.port));
    request_.set(http::field::user_agent, "kube-probe/1.34");
    request_.set(http::field::accept, "*/*");
    std::vector<std::string> named;
    for (const auto& [name, value] : headers_) {
      if (value.find_first_of(std::string_view{"\r\n\0", 3}) != std::string::npos) {
        fail("net/http: invalid header field value for " + api::quote_go(name));
        return false;
      }
      // The first of a name replaces our default, further ones add to it.
      const bool first = std::none_of(named.begin(), named.end(),
                                      [&](const auto& n) { return beast::iequals(n, name); });
      named.push_back(name);
      if (first)
        request_.erase(name);
      const bool hidden =
          value.empty() && (beast::iequals(name, "accept") || beast::iequals(name, "user-agent"));
      if (!hidden)
        request_.insert(name, value);
    }
    request_.set(http::field::connection, "close");
    return true;
  }

  template <class F>
  void with_stream(F f) {
    if (tls_)
      f(*tls_);
    else
      f(*socket_);
  }

  void send() {
    if (!make_request())
      return;
    with_stream([this](auto& stream) {
      http::async_write(stream, request_, [self = self()](error_code e, size_t) {
        if (self->finished())
          return;
        if (e)
          self->fail(words_of(e));
        else
          self->read_header();
      });
    });
  }

  void read_header() {
    buffer_.clear();
    parser_.emplace();
    parser_->header_limit(max_header);
    // No limit, which Beast 1.74 does not take as none: it finds any length greater than none.
    parser_->body_limit(std::numeric_limits<uint64_t>::max());
    with_stream([this](auto& stream) {
      http::async_read_header(stream, buffer_, *parser_, [self = self()](error_code e, size_t) {
        if (self->finished())
          return;
        if (e)
          self->fail(words_of(e));
        else
          self->take_header();
      });
    });
  }

  void take_header() {
    const auto& response = parser_->get();
    const auto code = static_cast<int>(response.result_int());
    const auto location = response[http::field::location];
    const bool redirects = code == 301 || code == 302 || code == 303 || code == 307 || code == 308;
    if (redirects && !location.empty()) {
      auto next = url_.resolve(std::string{location});
      // Elsewhere nothing is asked: the answer as it is says that somebody serves.
      if (next && next->host == url_.host) {
        follow(std::move(*next));
        return;
      }
    }
    read_body(code);
  }

  void follow(probe_url next) {
    if (++redirects_ >= max_redirects) {
      url_ = std::move(next);
      fail("stopped after " + std::to_string(max_redirects) + " redirects");
      return;
    }
    socket_->close();
    url_ = std::move(next);
    begin();
  }

  void read_body(int code) {
    auto& body = parser_->get().body();
    body.data = body_.data();
    body.size = body_.size();
    body.more = true;
    with_stream([this, code](auto& stream) {
      http::async_read(stream, buffer_, *parser_, [self = self(), code](error_code e, size_t) {
        // A longer body is not read to its end.
        const bool enough = !e || e == http::error::need_buffer || e == http::error::end_of_chunk ||
                            e == ssl::error::stream_truncated;
        if (self->finished())
          return;
        if (!enough)
          self->finish(false, words_of(e));
        else if (code >= 200 && code < 300)
          self->finish(true, {});
        else if (code >= 300 && code < 400)
          self->finish(true, "Probe terminated redirects, Response body: " + self->body(), true);
        else
          self->finish(false, "HTTP probe failed with statuscode: " + std::to_string(code));
      });
    });
  }

  /// As much of the answer's body as was read.
  std::string body() const { return {body_.data(), body_.size() - parser_->get().body().size}; }

  probe_url url_;
  const std::vector<std::pair<std::string, std::string>> headers_;
  int redirects_ = 0;
  std::optional<beast::tcp_stream> socket_;
  std::optional<tls_stream> tls_;
  http::request<http::empty_body> request_;
  beast::flat_buffer buffer_{max_header + max_body};
  std::optional<http::response_parser<http::buffer_body>> parser_;
  std::array<char, max_body> body_;
};

class network_probes : public probe_port {
public:
  network_probes() : engine_(std::make_shared<engine>()) {
    thread_ = std::thread{[e = engine_] { e->io.run(); }};
  }

  ~network_probes() override {
    asio::post(engine_->io, [e = engine_.get()] {
      e->stopped = true;
      for (const auto& [key, known] : std::exchange(e->live, {}))
        if (const auto a = known.lock())
          a->cancel();
      e->io.stop();
    });
    // The last owner may be a callback of this very thread.
    if (thread_.get_id() == std::this_thread::get_id())
      thread_.detach();
    else
      thread_.join();
  }

  void http_get(http_probe what, std::chrono::seconds timeout, callback done) override {
    launch(std::make_shared<http_attempt>(*engine_, what, timeout, std::move(done)));
  }
  void tcp_connect(std::string host, int port, std::chrono::seconds timeout,
                   callback done) override {
    launch(
        std::make_shared<tcp_attempt>(*engine_, std::move(host), port, timeout, std::move(done)));
  }
  void grpc_check(std::string host, int port, std::string service, std::chrono::seconds timeout,
                  callback done) override {
    runtime::check_grpc_health(host, port, service, timeout, [done](runtime::grpc_health h) {
      done({h.serving, std::move(h.message)});
    });
  }

private:
  void launch(std::shared_ptr<attempt> a) {
    asio::post(engine_->io, [a = std::move(a)] { a->start(); });
  }

  std::shared_ptr<engine> engine_;
  std::thread thread_;
};

} // namespace

std::shared_ptr<probe_port> make_network_probes() {
  return std::make_shared<network_probes>();
}

} // namespace thespis::actors
