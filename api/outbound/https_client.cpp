#include "api/outbound/https_client.hpp"

#include "api/outbound/url.hpp"
#include "api/text/quote.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <openssl/x509v3.h>

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

/// As Go prints an errno: "connection refused".
std::string errno_words(const error_code& ec) {
  auto words = ec.message();
  if (!words.empty())
    words[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(words[0])));
  return words;
}

/// What a certificate says that it is valid for.
struct subject_names {
  std::vector<std::string> dns, ip;
};

subject_names names_of(X509* cert) {
  subject_names out;
  auto* names =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(cert, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names); ++i) {
    const auto* n = sk_GENERAL_NAME_value(names, i);
    const auto* s = n->type == GEN_DNS     ? n->d.dNSName
                    : n->type == GEN_IPADD ? n->d.iPAddress
                                           : nullptr;
    if (!s)
      continue;
    const auto* bytes = ASN1_STRING_get0_data(s);
    auto size = static_cast<size_t>(ASN1_STRING_length(s));
    if (n->type == GEN_DNS)
      out.dns.emplace_back(reinterpret_cast<const char*>(bytes), size);
    else if (size == 4)
      out.ip.push_back(asio::ip::address_v4({bytes[0], bytes[1], bytes[2], bytes[3]}).to_string());
    else if (size == 16) {
      asio::ip::address_v6::bytes_type b;
      std::copy_n(bytes, 16, b.begin());
      out.ip.push_back(asio::ip::address_v6(b).to_string());
    }
  }
  GENERAL_NAMES_free(names);
  return out;
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
    context_.set_options(ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
    error_code ec;
    if (request_.ca_bundle.empty())
      context_.set_default_verify_paths(ec);
    else
      context_.add_certificate_authority(asio::buffer(request_.ca_bundle), ec);
    if (ec)
      return fail_with("unable to load root certificates: unable to parse bytes as PEM block");
    // An authority that was named is trusted, whoever has signed it.
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context_.native_handle()),
                                X509_V_FLAG_PARTIAL_CHAIN);
    stream_.emplace(io_, context_);
    auto* param = SSL_get0_param(stream_->native_handle());
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    asio::ip::make_address(url_.host, ec);
    literal_ = !ec;
    if (literal_) {
      X509_VERIFY_PARAM_set1_ip_asc(param, url_.host.c_str());
    } else {
      X509_VERIFY_PARAM_set1_host(param, url_.host.c_str(), url_.host.size());
      SSL_set_tlsext_host_name(stream_->native_handle(), url_.host.c_str());
    }
    stream_->set_verify_mode(ssl::verify_peer);
    stream_->set_verify_callback([this](bool good, ssl::verify_context& ctx) {
      if (!good && verdict_ == X509_V_OK) {
        verdict_ = X509_STORE_CTX_get_error(ctx.native_handle());
        names_ = names_of(X509_STORE_CTX_get0_cert(ctx.native_handle()));
      }
      return good;
    });
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
    if (!ec)
      return true;
    if (verdict_ != X509_V_OK)
      return fail_with("tls: failed to verify certificate: x509: " + distrust());
    if (ec == asio::error::eof || ec == ssl::error::stream_truncated)
      return fail_with("EOF");
    if (ERR_GET_LIB(static_cast<unsigned long>(ec.value())) == ERR_LIB_SSL) {
      auto why = ERR_GET_REASON(static_cast<unsigned long>(ec.value()));
      if (why == SSL_R_WRONG_VERSION_NUMBER || why == SSL_R_HTTP_REQUEST)
        return fail_with("http: server gave HTTP response to HTTPS client");
      return fail_with("remote error: tls: " + errno_words(ec));
    }
    return fail_with("read tcp: " + errno_words(ec));
  }

  std::string distrust() const {
    switch (verdict_) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: {
      const auto& names = literal_ ? names_.ip : names_.dns;
      if (names.empty())
        return literal_
                   ? "cannot validate certificate for " + url_.host +
                         " because it doesn't contain any IP SANs"
                   : "certificate is not valid for any names, but wanted to match " + url_.host;
      std::string list;
      for (const auto& n : names)
        list += (list.empty() ? "" : ", ") + n;
      return "certificate is valid for " + list + ", not " + url_.host;
    }
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "certificate has expired or is not yet valid";
    default:
      return "certificate signed by unknown authority";
    }
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
  std::optional<ssl::stream<tcp::socket>> stream_;
  bool literal_ = false; ///< the URL's host is an address
  int verdict_ = X509_V_OK;
  subject_names names_;
};

error unusable(const request& r, const std::string& detail) {
  error e;
  e.why = reason::service_unavailable;
  e.message = "Post " + quote_go(r.url) + ": " + detail;
  return e;
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
