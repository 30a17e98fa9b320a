#include "tools/cli/https_client.hpp"

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <boost/test/unit_test.hpp>

#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace thespis;
using namespace std::chrono_literals;

namespace {

/// Certificates are checked against the machine's clock here, as OpenSSL does by itself.
config::wall_time today() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

/// Answers one TLS connection on a free port of 127.0.0.1 with `answer`, to clients of `ca` only.
class one_shot_server {
public:
  one_shot_server(const config::signer& ca, const config::key_pair& own, std::string answer)
      : answer_{std::move(answer)} {
    context_ = SSL_CTX_new(TLS_server_method());
    auto* root = certificate(ca.pem().certificate);
    auto* leaf = certificate(own.certificate);
    auto* key_source = BIO_new_mem_buf(own.key.data(), -1);
    auto* key = PEM_read_bio_PrivateKey(key_source, nullptr, nullptr, nullptr);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), root);
    SSL_CTX_use_certificate(context_, leaf);
    SSL_CTX_use_PrivateKey(context_, key);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    X509_free(root);
    X509_free(leaf);
    EVP_PKEY_free(key);
    BIO_free(key_source);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    BOOST_REQUIRE_EQUAL(::bind(listener_, reinterpret_cast<sockaddr*>(&where), size), 0);
    BOOST_REQUIRE_EQUAL(::listen(listener_, 1), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size);
    port_ = ntohs(where.sin_port);
    thread_ = std::thread{[this] { serve(); }};
  }
  ~one_shot_server() {
    thread_.join();
    ::close(listener_);
    SSL_CTX_free(context_);
  }

  std::string url() const { return "https://127.0.0.1:" + std::to_string(port_); }
  const std::string& request() const { return request_; }

private:
  static X509* certificate(const std::string& pem) {
    auto* bio = BIO_new_mem_buf(pem.data(), -1);
    auto* out = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    return out;
  }

  void serve() {
    int peer = ::accept(listener_, nullptr, nullptr);
    auto* ssl = SSL_new(context_);
    SSL_set_fd(ssl, peer);
    char buffer[4096];
    if (SSL_accept(ssl) == 1) {
      if (int n = SSL_read(ssl, buffer, sizeof buffer); n > 0) {
        request_.assign(buffer, static_cast<size_t>(n));
        SSL_write(ssl, answer_.data(), static_cast<int>(answer_.size()));
        SSL_shutdown(ssl);
      }
    }
    SSL_free(ssl);
    ::close(peer);
  }

  std::string answer_;
  std::string request_;
  SSL_CTX* context_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::thread thread_;
};

struct identities {
  config::signer ca = config::signer::create("ca", today(), 24h).value();
  config::key_pair server =
      ca.issue({"s", {}, {"127.0.0.1"}, config::usage::server, 24h}, today()).value();
  config::key_pair client = ca.issue({"c", {}, {}, config::usage::client, 24h}, today()).value();
};

} // namespace

BOOST_AUTO_TEST_SUITE(https_client)

BOOST_AUTO_TEST_CASE(gets_an_answer_over_mutual_tls) {
  identities ids;
  std::optional<api::result<tools::https_answer>> answer;
  std::string request;
  {
    one_shot_server server{ids.ca, ids.server,
                           "HTTP/1.1 503 Unavailable\r\nContent-Length: 3\r\n\r\nbad"};
    answer = tools::https_get(server.url(), "/readyz", ids.ca.pem().certificate, ids.client);
    request = server.request();
  }
  BOOST_REQUIRE_MESSAGE(*answer, answer->error().message);
  BOOST_CHECK_EQUAL((*answer)->code, 503);
  BOOST_CHECK_EQUAL((*answer)->body, "bad");
  BOOST_CHECK(request.starts_with("GET /readyz HTTP/1.1\r\n"));
}

BOOST_AUTO_TEST_CASE(joins_a_chunked_answer) {
  identities ids;
  one_shot_server server{ids.ca, ids.server,
                         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"};
  auto answer = tools::https_get(server.url(), "/", ids.ca.pem().certificate, ids.client);
  BOOST_REQUIRE(answer);
  BOOST_CHECK_EQUAL(answer->body, "abc0123456789");
}

BOOST_AUTO_TEST_CASE(refuses_a_server_of_another_authority) {
  identities ids, others;
  one_shot_server server{ids.ca, others.server, "HTTP/1.1 200 OK\r\n\r\n"};
  auto answer = tools::https_get(server.url(), "/", ids.ca.pem().certificate, ids.client);
  BOOST_REQUIRE(!answer);
  BOOST_CHECK(answer.error().why == api::reason::service_unavailable);
}

BOOST_AUTO_TEST_CASE(refuses_a_server_with_a_certificate_for_another_address) {
  identities ids;
  auto elsewhere =
      ids.ca.issue({"s", {}, {"192.0.2.1"}, config::usage::server, 24h}, today()).value();
  one_shot_server server{ids.ca, elsewhere, "HTTP/1.1 200 OK\r\n\r\n"};
  BOOST_CHECK(!tools::https_get(server.url(), "/", ids.ca.pem().certificate, ids.client));
}

BOOST_AUTO_TEST_CASE(tells_when_nothing_serves) {
  identities ids;
  auto answer = tools::https_get("https://127.0.0.1:1", "/", ids.ca.pem().certificate, ids.client);
  BOOST_REQUIRE(!answer);
  BOOST_CHECK_MESSAGE(answer.error().message.find("refused") != std::string::npos,
                      answer.error().message);
  BOOST_CHECK(!tools::https_get("http://x", "/", ids.ca.pem().certificate, ids.client));
}

BOOST_AUTO_TEST_SUITE_END()
