#include "runtime/link/dial.hpp"

#include "api/openssl.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace thespis::runtime::link {

namespace {

constexpr size_t max_head = 64 * 1024;
constexpr size_t max_body = 8 << 20;

using namespace api::openssl;

using store_ptr = std::unique_ptr<X509_STORE, freed_by<X509_STORE_free>>;
using verification_ptr = std::unique_ptr<X509_STORE_CTX, freed_by<X509_STORE_CTX_free>>;

tl::unexpected<api::error> unavailable(std::string message) {
  return api::fail(api::reason::service_unavailable, std::move(message));
}

std::string to_pem(X509* certificate) {
  bio_ptr out{BIO_new(BIO_s_mem())};
  PEM_write_bio_X509(out.get(), certificate);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<size_t>(size)};
}

std::string fingerprint(X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest, &size) != 1)
    return {};
  std::string res;
  for (unsigned i = 0; i < size; ++i) {
    constexpr char hex[] = "0123456789abcdef";
    res += hex[digest[i] >> 4];
    res += hex[digest[i] & 15];
  }
  return res;
}

/// What a handshake verifies the server against, and finds.
struct expectation {
  const dial_options& options;
  std::string ca; ///< PEM, once verified
  std::string trouble;
};

/// The authority: the one that is known, or the one in the server's chain with the fingerprint.
x509_ptr authority(const dial_options& o, STACK_OF(X509) * chain) {
  if (!o.ca.empty())
    return x509_ptr{PEM_read_bio_X509(reader(o.ca).get(), nullptr, nullptr, nullptr)};
  for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) {
    auto* c = sk_X509_value(chain, i);
    if (X509_check_ca(c) == 1 && fingerprint(c) == o.ca_sha256) {
      X509_up_ref(c);
      return x509_ptr{c};
    }
  }
  return nullptr;
}

/// Replaces OpenSSL's verification, so that it is over before anything of the caller's is sent.
int verify(X509_STORE_CTX* context, void* argument) {
  auto& e = *static_cast<expectation*>(argument);
  auto* chain = X509_STORE_CTX_get0_untrusted(context);
  const auto refuse = [&](std::string why) {
    e.trouble = std::move(why);
    X509_STORE_CTX_set_error(context, X509_V_ERR_CERT_UNTRUSTED);
    return 0;
  };
  const auto ca = authority(e.options, chain);
  if (!ca)
    return refuse("its certificate is not of the authority that the token names; it may be another "
                  "server, or somebody between");
  store_ptr store{X509_STORE_new()};
  verification_ptr inner{X509_STORE_CTX_new()};
  if (X509_STORE_add_cert(store.get(), ca.get()) != 1 ||
      X509_STORE_CTX_init(inner.get(), store.get(), X509_STORE_CTX_get0_cert(context), chain) != 1)
    return refuse("its certificate cannot be verified");
  auto* param = X509_STORE_CTX_get0_param(inner.get());
  X509_STORE_CTX_set_purpose(inner.get(), X509_PURPOSE_SSL_SERVER);
  const auto& host = e.options.host;
  unsigned char address[sizeof(in6_addr)];
  const bool is_address = ::inet_pton(AF_INET, host.c_str(), address) == 1 ||
                          ::inet_pton(AF_INET6, host.c_str(), address) == 1;
  if (is_address)
    X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str());
  else
    X509_VERIFY_PARAM_set1_host(param, host.c_str(), host.size());
  if (X509_verify_cert(inner.get()) != 1)
    return refuse(std::string{"its certificate is not good: "} +
                  X509_verify_cert_error_string(X509_STORE_CTX_get_error(inner.get())));
  e.ca = to_pem(ca.get());
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

/// A connected socket, or -1 with the reason in `why`.
int connect_to(const dial_options& o, std::string& why) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const auto port = std::to_string(o.port);
  if (const int e = ::getaddrinfo(o.host.c_str(), port.c_str(), &hints, &list); e != 0) {
    why = ::gai_strerror(e);
    return -1;
  }
  const timeval wait{o.timeout.count(), 0};
  int fd = -1;
  for (auto* a = list; a != nullptr && fd < 0; a = a->ai_next) {
    fd = ::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (fd >= 0 && ::connect(fd, a->ai_addr, a->ai_addrlen) == 0)
      break;
    why = errno == EINPROGRESS ? "no answer in time" : std::strerror(errno);
    if (fd >= 0)
      ::close(fd);
    fd = -1;
  }
  ::freeaddrinfo(list);
  const int yes = 1;
  if (fd >= 0)
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return fd;
}

bool add_client_certificate(SSL_CTX* context, const dial_options& o) {
  if (o.certificate.empty())
    return true;
  auto refuse = [](char*, int, int, void*) { return -1; };
  const x509_ptr own{PEM_read_bio_X509(reader(o.certificate).get(), nullptr, nullptr, nullptr)};
  const key_ptr key{PEM_read_bio_PrivateKey(reader(o.key).get(), nullptr, refuse, nullptr)};
  return own && key && SSL_CTX_use_certificate(context, own.get()) == 1 &&
         SSL_CTX_use_PrivateKey(context, key.get()) == 1;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// The value of a header in a head that is in lower case.
std::string header_of(const std::string& head, const std::string& name) {
  const auto at = head.find("\r\n" + name + ":");
  if (at == std::string::npos)
    return {};
  auto value = head.substr(at + name.size() + 3);
  value = value.substr(0, value.find("\r\n"));
  value.erase(0, value.find_first_not_of(' '));
  return value;
}

int status_of(const std::string& head) {
  int status = 0;
  if (head.size() > 12)
    std::from_chars(head.data() + 9, head.data() + 12, status);
  return status;
}

/// The message of a metav1.Status, or the text itself.
std::string message_of(const http_answer& a) {
  const auto doc = api::json::parse(a.body);
  const auto told = doc ? std::string{api::json::get_string(*doc, "message")} : std::string{};
  return told.empty() ? "the server answered " + std::to_string(a.status) : told;
}

} // namespace

std::string fingerprint_of(const std::string& pem) {
  const x509_ptr c{PEM_read_bio_X509(reader(pem).get(), nullptr, nullptr, nullptr)};
  ERR_clear_error();
  return c ? fingerprint(c.get()) : std::string{};
}

api::result<server_connection> server_connection::open(const dial_options& options) {
  server_connection res;
  res.options_ = options;
  const auto where = options.host + ":" + std::to_string(options.port);
  std::string why;
  const int fd = connect_to(options, why);
  if (fd < 0)
    return unavailable("cannot reach " + where + ": " + why);
  res.socket_ = std::make_shared<link_socket>(fd, nullptr);
  std::shared_ptr<SSL_CTX> context{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  expectation expected{options, {}, {}};
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context.get(), verify, &expected);
  SSL_CTX_set_mode(context.get(), SSL_MODE_AUTO_RETRY | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!add_client_certificate(context.get(), options))
    return api::fail(api::reason::bad_request, "the client certificate cannot be used");
  res.socket_->tls = {SSL_new(context.get()), [context](SSL* s) { SSL_free(s); }};
  auto* ssl = res.socket_->tls.get();
  SSL_set_fd(ssl, fd);
  unsigned char address[sizeof(in6_addr)];
  if (::inet_pton(AF_INET, options.host.c_str(), address) != 1 &&
      ::inet_pton(AF_INET6, options.host.c_str(), address) != 1)
    SSL_set_tlsext_host_name(ssl, options.host.c_str());
  ERR_clear_error();
  if (SSL_connect(ssl) != 1) {
    ERR_clear_error();
    if (!expected.trouble.empty())
      return api::fail(api::reason::unauthorized, where + " is not trusted: " + expected.trouble);
    return unavailable(where + ": no TLS connection");
  }
  res.ca_ = std::move(expected.ca);
  return res;
}

api::result<void> server_connection::send(const std::string& text) {
  for (size_t sent = 0; sent < text.size();) {
    size_t n = 0;
    if (SSL_write_ex(socket_->tls.get(), text.data() + sent, text.size() - sent, &n) != 1)
      return unavailable("the connection ended");
    sent += n;
  }
  return {};
}

api::result<std::string> server_connection::read_head() {
  std::string head = std::exchange(unread_, {});
  while (head.find("\r\n\r\n") == std::string::npos) {
    // One byte at a time: what follows an upgrade is not ours to read.
    char c = 0;
    size_t n = 0;
    if (head.size() > max_head || SSL_read_ex(socket_->tls.get(), &c, 1, &n) != 1)
      return unavailable("no answer in time");
    head += c;
  }
  if (!head.starts_with("HTTP/1.1 "))
    return unavailable("an answer that is no HTTP");
  return head;
}

std::string server_connection::header_block() const {
  auto res = "Host: " + options_.host + ":" + std::to_string(options_.port) + "\r\n";
  if (!options_.token.empty())
    res += "Authorization: Bearer " + options_.token + "\r\n";
  return res;
}

api::result<http_answer> server_connection::ask(const std::string& method, const std::string& path,
                                                const std::string& body) {
  auto text = method + " " + path + " HTTP/1.1\r\n" + header_block() +
              "Accept: application/json\r\nAccept-Encoding: identity\r\n";
  if (!body.empty())
    text +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  if (auto sent = send(text + "\r\n" + body); !sent)
    return api::fail(std::move(sent.error()));
  auto head = read_head();
  if (!head)
    return api::fail(std::move(head.error()));
  http_answer res;
  res.status = status_of(*head);
  size_t length = 0;
  const auto told = header_of(lower(*head), "content-length");
  std::from_chars(told.data(), told.data() + told.size(), length);
  if (told.empty() || length > max_body)
    return unavailable("an answer without its length, or with one that is too much");
  res.body.resize(length);
  for (size_t got = 0; got < length;) {
    size_t n = 0;
    if (SSL_read_ex(socket_->tls.get(), res.body.data() + got, length - got, &n) != 1)
      return unavailable("the connection ended");
    got += n;
  }
  return res;
}

api::result<link_socket> server_connection::upgrade(const std::string& path,
                                                    const std::string& protocol) {
  const auto text = "GET " + path + " HTTP/1.1\r\n" + header_block() +
                    "Connection: Upgrade\r\nUpgrade: " + protocol + "\r\n\r\n";
  if (auto sent = send(text); !sent)
    return api::fail(std::move(sent.error()));
  auto head = read_head();
  if (!head)
    return api::fail(std::move(head.error()));
  const int status = status_of(*head);
  if (status != 101) {
    http_answer a{status, {}};
    size_t length = 0;
    const auto told = header_of(lower(*head), "content-length");
    std::from_chars(told.data(), told.data() + told.size(), length);
    a.body.resize(std::min<size_t>(length, 16 * 1024));
    size_t n = 0;
    if (a.body.empty() || SSL_read_ex(socket_->tls.get(), a.body.data(), a.body.size(), &n) != 1)
      n = 0;
    a.body.resize(n);
    return api::fail(status == 401   ? api::reason::unauthorized
                     : status == 403 ? api::reason::forbidden
                     : status == 426 ? api::reason::bad_request
                                     : api::reason::service_unavailable,
                     message_of(a));
  }
  const timeval never{};
  ::setsockopt(socket_->fd, SOL_SOCKET, SO_RCVTIMEO, &never, sizeof never);
  ::setsockopt(socket_->fd, SOL_SOCKET, SO_SNDTIMEO, &never, sizeof never);
  ::fcntl(socket_->fd, F_SETFL, ::fcntl(socket_->fd, F_GETFL) | O_NONBLOCK);
  return std::move(*socket_);
}

} // namespace thespis::runtime::link
