#include "api/outbound/https_client.hpp"

#include "api/outbound/tls_peer.hpp"
#include "api/outbound/url.hpp"
#include "api/text/quote.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <optional>

namespace thespis::api::outbound {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;
using clock = std::chrono::steady_clock;

/// How soon a stopped client lets go of what is under way.
constexpr auto stop_latency = std::chrono::milliseconds{100};

/// "127.0.0.1:443", "[::1]:443"
std::string join(const tcp::endpoint& e) {
  auto address = e.address().to_string();
  return (e.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(e.port());
}

/// One request on its way, on the thread that waits for it.
class exchange {
public:
  exchange(const request& r, url_parts url, const std::atomic<bool>& stopped)
      : request_(r), url_(std::move(url)), stopped_(stopped), deadline_(clock::now() + r.timeout) {}

  result<answer> run() {
    if (!prepare_tls() || !connect() || !handshake() || !write())
      return fail(std::move(failure_));
    return read();
  }

private:
  /// Starts an operation and waits for its end, the deadline or the client's.
  template <class Start>
  bool step(Start start, error_code& ec) {
    bool done = false;
    start([&](const error_code& e, auto&&...) {
      ec = e;
      done = true;
    });
    while (!done && !stopped_ && clock::now() < deadline_) {
      io_.restart();
      io_.run_one_until(std::min(deadline_, clock::now() + stop_latency));
    }
    if (done)
      return true;
    fail_with(stopped_ ? "the server is shutting down" : "context deadline exceeded",
              stopped_ ? reason::service_unavailable : reason::timeout);
    // The operation refers to this frame: it must end before the frame does.
    resolver_.cancel();
    if (stream_)
      stream_->next_layer().close(ec);
    while (!done) {
      io_.restart();
      io_.run_one();
    }
    return false;
  }

  bool fail_with(std::string detail, reason why = reason::service_unavailable) {
    auto verb = request_.method;
    for (size_t i = 1; i < verb.size(); ++i)
      verb[i] = static_cast<char>(std::tolower(static_cast<unsigned char>(verb[i])));
    failure_ = error{};
    failure_.why = why;
    failure_.message = verb + " " + quote_go(request_.url) + ": " + detail;
    return false;
  }

  bool prepare_tls() {
    if (!tls_peer::trust(context_, request_.ca_bundle))
      return fail_with("unable to load root certificates: unable to parse bytes as PEM block");
    if (request_.insecure)
      context_.set_verify_mode(ssl::verify_none);
    if (!request_.client_certificate.empty()) {
      error_code ec;
      context_.use_certificate_chain(asio::buffer(request_.client_certificate), ec);
      if (!ec)
        context_.use_private_key(asio::buffer(request_.client_key), ssl::context::pem, ec);
      if (ec)
        return fail_with("tls: failed to load the client certificate");
    }
    stream_.emplace(io_, context_);
    if (request_.insecure)
      peer_.announce(stream_->native_handle());
    else
      peer_.judge(*stream_);
    return true;
  }

  bool connect() {
    error_code ec;
    std::vector<tcp::endpoint> targets;
    auto host = request_.address.empty() ? url_.host : request_.address;
    auto port = request_.address.empty() ? url_.port : request_.port;
    if (auto address = asio::ip::make_address(host, ec); !ec) {
      targets.emplace_back(address, port);
    } else {
      tcp::resolver::results_type found;
      if (!step(
              [&](auto done) {
                resolver_.async_resolve(host, std::to_string(port),
                                        [&found, done](const error_code& e, auto results) mutable {
                                          found = results;
                                          done(e);
                                        });
              },
              ec))
        return false;
      if (ec)
        return fail_with("dial tcp: lookup " + host + ": no such host");
      for (const auto& e : found)
        targets.push_back(e.endpoint());
    }
    for (const auto& target : targets) {
      error_code ignored;
      stream_->next_layer().close(ignored);
      if (!step([&](auto done) { stream_->next_layer().async_connect(target, done); }, ec))
        return false;
      if (!ec)
        return true;
      fail_with("dial tcp " + join(target) + ": connect: " + errno_words(ec));
    }
    return false;
  }

  bool handshake() {
    error_code ec;
    if (!step([&](auto done) { stream_->async_handshake(ssl::stream_base::client, done); }, ec))
      return false;
    return !ec || fail_with(peer_.failure(ec));
  }

  bool write() {
    http::request<http::string_body> req;
    req.method_string(request_.method);
    req.target(url_.target);
    req.version(11);
    req.set(http::field::host, url_.authority);
    req.set(http::field::user_agent, "thespis");
    req.set(http::field::content_type, "application/json");
    req.set(http::field::accept, "application/json, */*");
    req.set(http::field::connection, "close");
    for (const auto& [name, v] : request_.headers)
      req.set(name, v);
    req.body() = request_.body;
    req.prepare_payload();
    error_code ec;
    if (!step([&](auto done) { http::async_write(*stream_, req, done); }, ec))
      return false;
    return !ec || fail_with("write tcp: " + errno_words(ec));
  }

  result<answer> read() {
    http::response_parser<http::string_body> parser;
    parser.body_limit(request_.max_answer);
    if (request_.method == "HEAD")
      parser.skip(true);
    beast::flat_buffer buffer;
    error_code ec;
    // Beast checks the announced length only when it stops after the head.
    if (!step([&](auto done) { http::async_read_header(*stream_, buffer, parser, done); }, ec))
      return fail(std::move(failure_));
    if (!ec && parser.content_length().value_or(0) > request_.max_answer)
      ec = http::error::body_limit;
    if (!ec && !parser.is_done() &&
        !step([&](auto done) { http::async_read(*stream_, buffer, parser, done); }, ec))
      return fail(std::move(failure_));
    if (ec == ssl::error::stream_truncated && parser.need_eof()) {
      // Many servers end a connection without TLS's own farewell.
      error_code end;
      parser.put_eof(end);
      ec = end;
    }
    if (ec) {
      if (ec == http::error::body_limit)
        fail_with("the answer is larger than " + std::to_string(request_.max_answer) + " bytes");
      else if (!parser.got_some())
        fail_with("EOF");
      else if (ec == http::error::partial_message || ec == ssl::error::stream_truncated)
        fail_with("unexpected EOF");
      else
        fail_with("net/http: HTTP/1.x transport connection broken: malformed HTTP response");
      return fail(std::move(failure_));
    }
    auto& got = parser.get();
    return answer{static_cast<int>(got.result_int()), std::string(got[http::field::content_type]),
                  std::move(got.body())};
  }

  const request& request_;
  url_parts url_;
  const std::atomic<bool>& stopped_;
  clock::time_point deadline_;
  error failure_;
  asio::io_context io_{1};
  tcp::resolver resolver_{io_};
  ssl::context context_{ssl::context::tls_client};
  tls_peer peer_{url_.host};
  std::optional<ssl::stream<tcp::socket>> stream_;
};

error unusable(const request& r, const std::string& detail) {
  return make_error(reason::service_unavailable, "Post " + quote_go(r.url) + ": " + detail);
}

} // namespace

result<answer> https_client::send(const request& r) {
  auto url = parse_url(r.url);
  if (!url)
    return fail(unusable(r, "http: no Host in request URL"));
  if (url->scheme != "https")
    return fail(unusable(r, "unsupported protocol scheme " + quote_go(url->scheme)));
  return exchange(r, std::move(*url), stopped_).run();
}

} // namespace thespis::api::outbound
