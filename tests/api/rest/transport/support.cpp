#include "support.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

namespace thespis::test {

namespace {

std::string to_pem(const std::function<void(BIO*)>& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  write(bio);
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

BIO* of(const std::string& pem) {
  return BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
}

X509* read_certificate(const std::string& pem) {
  BIO* bio = of(pem);
  X509* x = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return x;
}

EVP_PKEY* read_key(const std::string& pem) {
  BIO* bio = of(pem);
  EVP_PKEY* k = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return k;
}

void add_extension(X509* x, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, x, nullptr, nullptr, 0);
  X509_EXTENSION* e = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  X509_add_ext(x, e, -1);
  X509_EXTENSION_free(e);
}

void add_name(X509_NAME* name, const char* field, const std::string& value) {
  X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(value.data()),
                             static_cast<int>(value.size()), -1, 0);
}

key_pair make(const std::string& name, const std::vector<std::string>& organizations, int days,
              const key_pair* ca) {
  static std::atomic<long> serial{1};
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* x = X509_new();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
  X509_gmtime_adj(X509_getm_notBefore(x), -3L * 24 * 3600);
  X509_gmtime_adj(X509_getm_notAfter(x), static_cast<long>(days) * 24 * 3600);
  X509_set_pubkey(x, key);
  auto* subject = X509_get_subject_name(x);
  for (auto& o : organizations)
    add_name(subject, "O", o);
  add_name(subject, "CN", name);
  X509* issuer = ca ? read_certificate(ca->certificate) : nullptr;
  EVP_PKEY* signer = ca ? read_key(ca->key) : nullptr;
  X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
  add_extension(x, issuer ? issuer : x, NID_basic_constraints,
                ca ? "critical,CA:FALSE" : "critical,CA:TRUE");
  if (ca)
    add_extension(x, issuer, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
  X509_sign(x, signer ? signer : key, EVP_sha256());
  key_pair pair{to_pem([&](BIO* b) { PEM_write_bio_X509(b, x); }), to_pem([&](BIO* b) {
                  PEM_write_bio_PrivateKey(b, key, nullptr, nullptr, 0, nullptr, nullptr);
                })};
  X509_free(x);
  X509_free(issuer);
  EVP_PKEY_free(key);
  EVP_PKEY_free(signer);
  return pair;
}

} // namespace

key_pair make_ca(const std::string& name) {
  return make(name, {}, 10, nullptr);
}

key_pair make_leaf(const key_pair& ca, const std::string& name,
                   const std::vector<std::string>& organizations, int days) {
  return make(name, organizations, days, &ca);
}

client::client(uint16_t port) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval limit{30, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  BOOST_REQUIRE_EQUAL(::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
}

client::client(uint16_t port, const std::string& ca, const key_pair* identity,
               const client* earlier)
    : client(port) {
  ctx_ = SSL_CTX_new(TLS_client_method());
  X509* root = read_certificate(ca);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx_), root);
  X509_free(root);
  SSL_CTX_set_verify(ctx_, SSL_VERIFY_PEER, nullptr);
  if (identity) {
    X509* x = read_certificate(identity->certificate);
    EVP_PKEY* k = read_key(identity->key);
    SSL_CTX_use_certificate(ctx_, x);
    SSL_CTX_use_PrivateKey(ctx_, k);
    X509_free(x);
    EVP_PKEY_free(k);
  }
  SSL_CTX_set_mode(ctx_, SSL_MODE_NO_AUTO_CHAIN); // send the leaf alone, as kubectl does
  static constexpr unsigned char protocols[] = "\x02h2\x08http/1.1";
  SSL_CTX_set_alpn_protos(ctx_, protocols, sizeof protocols - 1);
  ssl_ = SSL_new(ctx_);
  SSL_set_fd(ssl_, fd_);
  if (earlier) {
    auto* session = SSL_get1_session(earlier->ssl_);
    SSL_set_session(ssl_, session);
    SSL_SESSION_free(session);
  }
  BOOST_REQUIRE_EQUAL(SSL_connect(ssl_), 1);
}

client::~client() {
  SSL_free(ssl_);
  SSL_CTX_free(ctx_);
  if (fd_ >= 0)
    ::close(fd_);
}

bool client::try_send(std::string_view bytes) {
  while (!bytes.empty()) {
    auto n = ssl_ ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                  : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0)
      return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

void client::send(std::string_view bytes) {
  BOOST_REQUIRE(try_send(bytes));
}

std::string client::read_some() {
  if (!buffer_.empty())
    return std::exchange(buffer_, {});
  char bytes[64 * 1024];
  auto n = ssl_ ? SSL_read(ssl_, bytes, sizeof bytes) : ::recv(fd_, bytes, sizeof bytes, 0);
  if (n < 0 && !ssl_)
    BOOST_REQUIRE_MESSAGE(errno != EAGAIN, "nothing came within the time limit");
  return n > 0 ? std::string(bytes, static_cast<size_t>(n)) : std::string{};
}

std::string client::read_until(std::string_view end) {
  std::string all;
  for (;;) {
    auto some = read_some();
    if (some.empty())
      return all;
    all += some;
    if (auto at = all.find(end); at != all.npos) {
      buffer_ = all.substr(at + end.size());
      all.resize(at + end.size());
      return all;
    }
  }
}

std::string client::read_exactly(size_t n) {
  std::string all;
  while (all.size() < n) {
    auto some = read_some();
    if (some.empty())
      break;
    all += some;
  }
  if (all.size() > n) {
    buffer_ = all.substr(n);
    all.resize(n);
  }
  return all;
}

std::string client::read_to_end() {
  std::string all;
  for (;;) {
    auto some = read_some();
    if (some.empty())
      return all;
    all += some;
  }
}

void client::shutdown_write() {
  if (ssl_)
    SSL_shutdown(ssl_);
  else
    ::shutdown(fd_, SHUT_WR);
}

void client::reset() {
  linger hard{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  ::close(fd_);
  fd_ = -1;
}

std::string client::alpn() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string client::peer_common_name() const {
  X509* x = SSL_get1_peer_certificate(ssl_);
  char text[256] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, text, sizeof text);
  X509_free(x);
  return text;
}

answer read_answer(client& c, bool bodiless) {
  answer a;
  a.head = c.read_until("\r\n\r\n");
  if (a.head.size() < 12)
    return a;
  a.status = std::atoi(a.head.c_str() + 9);
  std::istringstream lines{a.head};
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line) && line.size() > 2) {
    auto colon = line.find(": ");
    std::string name = line.substr(0, colon);
    for (auto& ch : name)
      ch = static_cast<char>(std::tolower(static_cast<unsigned char>(ch)));
    a.headers[name] = line.substr(colon + 2, line.size() - colon - 3);
  }
  if (bodiless)
    return a;
  if (auto length = a.headers.find("content-length"); length != a.headers.end()) {
    a.body = c.read_exactly(std::stoul(length->second));
  } else if (a.headers["transfer-encoding"] == "chunked") {
    for (;;) {
      auto size = std::stoul(c.read_until("\r\n"), nullptr, 16);
      auto chunk = c.read_exactly(size + 2);
      if (size == 0)
        break;
      a.body += chunk.substr(0, size);
    }
  }
  return a;
}

answer get(client& c, const std::string& path, const std::string& headers) {
  c.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
  return read_answer(c);
}

std::shared_ptr<transport::server> serve(transport::early_hook hook,
                                         transport::transport_options options) {
  auto s = transport::server::start(std::move(options), std::move(hook));
  BOOST_REQUIRE_MESSAGE(s.has_value(), (s ? std::string{} : s.error().message));
  return *s;
}

transport::transport_options pki::options() const {
  transport::transport_options o;
  o.tls.certificate = server.certificate;
  o.tls.key = server.key;
  o.tls.client_ca = ca.certificate;
  return o;
}

const pki& shared_pki() {
  static const pki instance;
  return instance;
}

bool becomes_true(const std::function<bool()>& condition) {
  std::mutex m;
  std::condition_variable never;
  std::unique_lock lock{m};
  for (int i = 0; i < 1500; ++i) {
    if (condition())
      return true;
    never.wait_for(lock, std::chrono::milliseconds{20});
  }
  return false;
}

} // namespace thespis::test
