// A server of one thread that answers each connection as the test says.
#pragma once

#include "config/certificates.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace thespis::api::testing {

/// An authority and a certificate of it for these names.
struct test_pki {
  explicit test_pki(std::vector<std::string> names = {"127.0.0.1"});
  config::signer ca;
  config::key_pair server;
};

/// Serves on a free port of the loopback until it is destroyed. With `respond` it reads a request,
/// keeps it, and sends back the bytes; nothing at all when they are empty: it hangs.
class https_server {
public:
  https_server(const config::key_pair& identity, std::function<std::string()> respond);
  ~https_server();

  uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::string url(const std::string& host = "127.0.0.1") const {
    return "https://" + host + ":" + std::to_string(port()) + "/hook?timeout=1s";
  }
  /// What the last client sent.
  std::string last() const;

private:
  void serve(boost::asio::ip::tcp::socket socket);

  boost::asio::io_context io_;
  boost::asio::ssl::context tls_{boost::asio::ssl::context::tls_server};
  boost::asio::ip::tcp::acceptor acceptor_;
  std::function<std::string()> respond_;
  mutable std::mutex mutex_;
  std::string last_;
  std::vector<std::thread> connections_;
  std::thread thread_;
};

/// "HTTP/1.1 200 OK" with that body.
std::string http_answer(const std::string& body, const std::string& status = "200 OK",
                        const std::string& headers = {});

} // namespace thespis::api::testing
