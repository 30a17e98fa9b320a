#include "tools/bench/https_load.hpp"

#include "api/openssl.hpp"
#include "tools/bench/wait.hpp"

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace thespis::tools::bench {

namespace {

using namespace api::openssl;

using context_ptr = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>>;
using ssl_ptr = std::unique_ptr<SSL, freed_by<SSL_free>>;

context_ptr make_context(const load_request& r) {
  context_ptr res{SSL_CTX_new(TLS_client_method())};
  const x509_ptr ca{PEM_read_bio_X509(reader(r.ca_pem).get(), nullptr, nullptr, nullptr)};
  const x509_ptr own{
      PEM_read_bio_X509(reader(r.client.certificate).get(), nullptr, nullptr, nullptr)};
  const key_ptr key{PEM_read_bio_PrivateKey(reader(r.client.key).get(), nullptr, nullptr, nullptr)};
  const bool done = res && ca && own && key &&
                    X509_STORE_add_cert(SSL_CTX_get_cert_store(res.get()), ca.get()) == 1 &&
                    SSL_CTX_use_certificate(res.get(), own.get()) == 1 &&
                    SSL_CTX_use_PrivateKey(res.get(), key.get()) == 1;
  if (!done)
    return nullptr;
  SSL_CTX_set_verify(res.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(res.get(), SSL_MODE_AUTO_RETRY);
  return res;
}

/// One kept connection.
class connection {
public:
  connection() : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {}
  ~connection() {
    ssl_.reset();
    if (fd_ >= 0)
      ::close(fd_);
  }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  bool open(SSL_CTX* context, uint16_t port) {
    timeval wait{60, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      return false;
    ssl_.reset(SSL_new(context));
    SSL_set_fd(ssl_.get(), fd_);
    return SSL_connect(ssl_.get()) == 1;
  }

  /// Whether the answer, whose body may have no end, begins with 200.
  bool begin(const std::string& request) {
    if (SSL_write(ssl_.get(), request.data(), static_cast<int>(request.size())) <= 0)
      return false;
    while (in_.find("\r\n\r\n") == std::string::npos)
      if (!more())
        return false;
    return in_.starts_with("HTTP/1.1 200");
  }

  /// The size of the body; nothing when the connection broke or the answer is not 200.
  std::optional<uint64_t> ask(const std::string& request) {
    if (SSL_write(ssl_.get(), request.data(), static_cast<int>(request.size())) <= 0)
      return std::nullopt;
    size_t head = 0;
    while ((head = in_.find("\r\n\r\n")) == std::string::npos)
      if (!more())
        return std::nullopt;
    if (!in_.starts_with("HTTP/1.1 200"))
      return std::nullopt;
    std::string headers = in_.substr(0, head + 2);
    for (auto& c : headers)
      c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    in_.erase(0, head + 4);
    if (headers.find("\r\ntransfer-encoding: chunked\r\n") != std::string::npos)
      return chunked();
    constexpr std::string_view field = "\r\ncontent-length: ";
    const auto at = headers.find(field);
    uint64_t size = 0;
    if (at == std::string::npos ||
        std::from_chars(headers.data() + at + field.size(), headers.data() + headers.size(), size)
                .ec != std::errc{})
      return std::nullopt;
    return skip(size) ? std::optional{size} : std::nullopt;
  }

private:
  bool more() {
    char buffer[16384];
    const int n = SSL_read(ssl_.get(), buffer, sizeof buffer);
    if (n > 0)
      in_.append(buffer, static_cast<size_t>(n));
    return n > 0;
  }

  bool skip(uint64_t size) {
    while (in_.size() < size) {
      size -= in_.size();
      in_.clear();
      if (!more())
        return false;
    }
    in_.erase(0, size);
    return true;
  }

  std::optional<uint64_t> chunked() {
    uint64_t total = 0;
    while (true) {
      size_t line = 0;
      while ((line = in_.find("\r\n")) == std::string::npos)
        if (!more())
          return std::nullopt;
      uint64_t size = 0;
      if (std::from_chars(in_.data(), in_.data() + line, size, 16).ec != std::errc{})
        return std::nullopt;
      in_.erase(0, line + 2);
      if (!skip(size + 2))
        return std::nullopt;
      if (size == 0)
        return total;
      total += size;
    }
  }

  int fd_;
  ssl_ptr ssl_;
  std::string in_;
};

using connections = std::vector<std::unique_ptr<connection>>;

api::error broken(const std::string& path) {
  return api::make_error(api::reason::service_unavailable,
                         path + ": the connection broke, or the answer is not 200");
}

std::string request_for(const load_request& r, const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: " + r.accept + "\r\n\r\n";
}

api::result<connections> open_all(const load_request& r, SSL_CTX* context) {
  if (context == nullptr)
    return api::fail(api::internal_error("the certificates cannot be used"));
  connections all;
  for (int i = 0; i < r.connections; ++i) {
    all.push_back(std::make_unique<connection>());
    if (!all.back()->open(context, r.port))
      return api::fail(broken(r.path));
  }
  return all;
}

} // namespace

api::result<void> hold_watches(const load_request& r, const std::string& watch_path,
                               const std::function<void()>& connected,
                               const std::function<void()>& watching) {
  const auto context = make_context(r);
  auto all = open_all(r, context.get());
  if (!all)
    return api::fail(std::move(all.error()));
  for (auto& c : *all)
    if (!c->ask(request_for(r, r.path)))
      return api::fail(broken(r.path));
  connected();
  for (auto& c : *all)
    if (!c->begin(request_for(r, watch_path)))
      return api::fail(broken(watch_path));
  watching();
  return {};
}

api::result<load_result> run_load(const load_request& r) {
  const auto context = make_context(r);
  auto opened = open_all(r, context.get());
  if (!opened)
    return api::fail(std::move(opened.error()));
  auto& all = *opened;
  const auto request = request_for(r, r.path);
  std::atomic<uint64_t> answers{0};
  std::atomic<uint64_t> bytes{0};
  std::atomic<bool> failed{false};
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  std::vector<std::vector<float>> times(all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    threads.emplace_back([&, c = all[i].get(), i] {
      for (auto now = begin; !failed && now - begin < r.time;) {
        const auto asked = std::chrono::steady_clock::now();
        const auto size = c->ask(request);
        if (!size) {
          failed = true;
          return;
        }
        now = std::chrono::steady_clock::now();
        times[i].push_back(std::chrono::duration<float, std::milli>(now - asked).count());
        ++answers;
        bytes += *size;
        if (r.pause.count() > 0)
          pause_for(static_cast<int>(r.pause.count()));
      }
    });
  }
  for (auto& t : threads)
    t.join();
  if (failed)
    return api::fail(broken(r.path));
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  load_result res{answers, bytes, spent.count()};
  std::vector<float> sorted;
  for (const auto& some : times)
    sorted.insert(sorted.end(), some.begin(), some.end());
  std::sort(sorted.begin(), sorted.end());
  if (!sorted.empty()) {
    res.median_ms = sorted[sorted.size() / 2];
    res.p99_ms = sorted[sorted.size() * 99 / 100];
  }
  return res;
}

} // namespace thespis::tools::bench
