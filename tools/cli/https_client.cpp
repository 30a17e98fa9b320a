#include "tools/cli/https_client.hpp"

#include "api/openssl.hpp"

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <charconv>

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace thespis::tools {

namespace {

constexpr size_t max_answer = 64 << 20;

using namespace api::openssl;

using context_ptr = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>>;
using ssl_ptr = std::unique_ptr<SSL, freed_by<SSL_free>>;

struct address {
  std::string host;
  uint16_t port = 443;
};

class tcp_socket {
public:
  tcp_socket() : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {}
  tcp_socket(const tcp_socket&) = delete;
  tcp_socket& operator=(const tcp_socket&) = delete;
  ~tcp_socket() {
    if (fd_ >= 0)
      ::close(fd_);
  }

  bool connect(const address& to, std::chrono::seconds timeout) const {
    timeval wait{timeout.count(), 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    addrinfo wanted{};
    wanted.ai_family = AF_INET;
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(to.host.c_str(), std::to_string(to.port).c_str(), &wanted, &found) != 0) {
      errno = EHOSTUNREACH;
      return false;
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned{found, &::freeaddrinfo};
    return ::connect(fd_, found->ai_addr, found->ai_addrlen) == 0;
  }

  int get() const { return fd_; }

private:
  int fd_;
};

tl::unexpected<api::error> unavailable(std::string message) {
  return api::fail(api::reason::service_unavailable, std::move(message));
}

std::optional<address> parse_server(std::string_view server) {
  constexpr std::string_view scheme = "https://";
  if (!server.starts_with(scheme))
    return std::nullopt;
  server.remove_prefix(scheme.size());
  address out;
  auto colon = server.find(':');
  out.host = server.substr(0, colon);
  if (colon == std::string_view::npos)
    return out;
  auto digits = server.substr(colon + 1);
  auto [at, code] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
  return code == std::errc{} && at == digits.data() + digits.size() ? std::optional{out}
                                                                    : std::nullopt;
}

context_ptr make_context(const std::string& ca_pem, const config::key_pair& client) {
  context_ptr context{SSL_CTX_new(TLS_client_method())};
  x509_ptr ca{PEM_read_bio_X509(reader(ca_pem).get(), nullptr, nullptr, nullptr)};
  if (!context || !ca || X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), ca.get()) != 1)
    return nullptr;
  if (!client.certificate.empty() || !client.key.empty()) {
    x509_ptr own{PEM_read_bio_X509(reader(client.certificate).get(), nullptr, nullptr, nullptr)};
    key_ptr key{PEM_read_bio_PrivateKey(reader(client.key).get(), nullptr, nullptr, nullptr)};
    if (!own || !key || SSL_CTX_use_certificate(context.get(), own.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1)
      return nullptr;
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context.get(), SSL_MODE_AUTO_RETRY);
  return context;
}

/// Undoes the chunked coding (RFC 9112 section 7.1); what is cut off stays cut off.
std::string unchunk(std::string_view body) {
  std::string out;
  while (true) {
    size_t size = 0;
    auto line_end = body.find("\r\n");
    if (line_end == std::string_view::npos)
      return out;
    auto [at, code] = std::from_chars(body.data(), body.data() + line_end, size, 16);
    body.remove_prefix(line_end + 2);
    if (code != std::errc{} || size == 0 || size > body.size())
      return out;
    out += body.substr(0, size);
    body.remove_prefix(std::min(size + 2, body.size()));
  }
}

std::optional<https_answer> parse_answer(std::string_view text) {
  https_answer out;
  auto head_end = text.find("\r\n\r\n");
  constexpr std::string_view protocol = "HTTP/1.1 ";
  if (head_end == std::string_view::npos || !text.starts_with(protocol))
    return std::nullopt;
  std::from_chars(text.data() + protocol.size(), text.data() + head_end, out.code);
  std::string head{text.substr(0, head_end)};
  std::transform(head.begin(), head.end(), head.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  auto body = text.substr(head_end + 4);
  out.body = head.find("\r\ntransfer-encoding: chunked") != std::string::npos ? unchunk(body)
                                                                              : std::string{body};
  return out;
}

} // namespace

api::result<https_answer> https_get(const std::string& server, const std::string& path,
                                    const std::string& ca_pem, const config::key_pair& client,
                                    std::chrono::seconds timeout) {
  return https_ask({server, ca_pem, client, {}}, "GET", path, timeout);
}

api::result<https_answer> https_ask(const https_target& target, const std::string& method,
                                    const std::string& path, std::chrono::seconds timeout,
                                    const std::string& body) {
  const auto& server = target.server;
  auto to = parse_server(server);
  if (!to)
    return unavailable(server + ": not an address of an API");
  auto context = make_context(target.ca_pem, target.client);
  if (!context)
    return unavailable("the certificates cannot be used");
  tcp_socket socket;
  if (!socket.connect(*to, timeout))
    return unavailable(server + ": " + std::strerror(errno));
  ssl_ptr ssl{SSL_new(context.get())};
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), to->host.c_str()) != 1)
    SSL_set1_host(ssl.get(), to->host.c_str());
  SSL_set_fd(ssl.get(), socket.get());
  if (SSL_connect(ssl.get()) != 1) {
    auto verdict = SSL_get_verify_result(ssl.get());
    return unavailable(server + ": no TLS connection" +
                       (verdict == X509_V_OK
                            ? std::string{}
                            : std::string{": "} + X509_verify_cert_error_string(verdict)));
  }
  auto request = method + " " + path + " HTTP/1.1\r\nHost: " + to->host + ":" +
                 std::to_string(to->port) + "\r\nAccept: application/json, */*\r\n" +
                 (method == "GET" ? ""
                                  : "Content-Type: application/json\r\nContent-Length: " +
                                        std::to_string(body.size()) + "\r\n") +
                 (target.token.empty() ? "" : "Authorization: Bearer " + target.token + "\r\n") +
                 "Connection: close\r\n\r\n" + (method == "GET" ? std::string{} : body);
  if (SSL_write(ssl.get(), request.data(), static_cast<int>(request.size())) <= 0)
    return unavailable(server + ": the connection ended");
  std::string text;
  char buffer[16384];
  for (int n; (n = SSL_read(ssl.get(), buffer, sizeof buffer)) > 0 && text.size() < max_answer;)
    text.append(buffer, static_cast<size_t>(n));
  auto answer = parse_answer(text);
  return answer ? api::result<https_answer>{std::move(*answer)}
                : unavailable(server + ": no answer in time");
}

} // namespace thespis::tools
