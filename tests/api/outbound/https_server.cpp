#include "api/outbound/https_server.hpp"

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <sstream>

namespace thespis::api::testing {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

namespace {

config::wall_time today() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

} // namespace

test_pki::test_pki(std::vector<std::string> names)
    : ca(config::signer::create("test-ca", today(), std::chrono::hours{24}).value()),
      server(ca.issue({.common_name = "server",
                       .organizations = {},
                       .names = std::move(names),
                       .use = config::usage::server,
                       .lifetime = std::chrono::hours{1}},
                      today())
                 .value()) {}

https_server::https_server(const config::key_pair& identity, std::function<std::string()> respond)
    : acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
      respond_(std::move(respond)) {
  tls_.use_certificate_chain(asio::buffer(identity.certificate));
  tls_.use_private_key(asio::buffer(identity.key), asio::ssl::context::pem);
  thread_ = std::thread([this] {
    while (true) {
      boost::system::error_code ec;
      tcp::socket socket(io_);
      acceptor_.accept(socket, ec);
      if (ec)
        return;
      connections_.emplace_back([this, s = std::move(socket)]() mutable { serve(std::move(s)); });
    }
  });
}

https_server::~https_server() {
  // Wakes accept; close alone does not.
  ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
  thread_.join();
  for (auto& t : connections_)
    t.join();
}

std::string https_server::last() const {
  const std::lock_guard lock{mutex_};
  return last_;
}

void https_server::serve(tcp::socket socket) {
  boost::system::error_code ec;
  asio::ssl::stream<tcp::socket> stream(std::move(socket), tls_);
  stream.handshake(asio::ssl::stream_base::server, ec);
  if (ec)
    return;
  boost::beast::flat_buffer buffer;
  http::request<http::string_body> req;
  http::read(stream, buffer, req, ec);
  if (ec)
    return;
  {
    const std::lock_guard lock{mutex_};
    std::ostringstream text;
    text << req;
    last_ = text.str();
  }
  auto bytes = respond_();
  if (bytes.empty()) {
    // Until the client goes away.
    char c = 0;
    stream.read_some(asio::buffer(&c, 1), ec);
    return;
  }
  asio::write(stream, asio::buffer(bytes), ec);
  stream.next_layer().shutdown(tcp::socket::shutdown_send, ec);
}

std::string http_answer(const std::string& body, const std::string& status,
                        const std::string& headers) {
  return "HTTP/1.1 " + status + "\r\n" + headers +
         "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

} // namespace thespis::api::testing
