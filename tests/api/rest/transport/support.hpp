// Certificates and blocking clients for the transport's tests.
#pragma once

#include "api/rest/transport/server.hpp"

#include <boost/test/unit_test.hpp>
#include <openssl/ssl.h>

#include <condition_variable>
#include <map>
#include <thread>

namespace thespis::test {

namespace transport = api::transport;

struct key_pair {
  std::string certificate, key; ///< PEM
};
/// A self-signed CA.
key_pair make_ca(const std::string& name);
/// A leaf for 127.0.0.1; `days` below zero has expired.
key_pair make_leaf(const key_pair& ca, const std::string& name,
                   const std::vector<std::string>& organizations = {}, int days = 1);

/// A blocking client with a generous time limit on every call, so that no test can hang.
class client {
public:
  explicit client(uint16_t port);
  /// TLS; `identity` may be null. Resumes the session of `earlier`, which must have read something.
  client(uint16_t port, const std::string& ca, const key_pair* identity,
         const client* earlier = nullptr);
  client(const client&) = delete;
  ~client();

  void send(std::string_view bytes);
  /// False when the peer does not take it any more.
  bool try_send(std::string_view bytes);
  /// What comes next; empty at the end of the stream.
  std::string read_some();
  std::string read_until(std::string_view end);
  std::string read_exactly(size_t n);
  std::string read_to_end();
  void shutdown_write();
  /// Aborts the connection with a reset.
  void reset();
  bool resumed() const { return SSL_session_reused(ssl_) == 1; }
  std::string alpn() const;
  std::string peer_common_name() const;
  int fd() const { return fd_; }

private:
  int fd_ = -1;
  SSL_CTX* ctx_ = nullptr;
  SSL* ssl_ = nullptr;
  std::string buffer_;
};

struct answer {
  int status = 0;
  std::string head;
  std::map<std::string, std::string> headers; ///< lower-case names
  std::string body;
};
/// Reads one answer; with `bodiless` none is expected to follow its head.
answer read_answer(client& c, bool bodiless = false);
/// Sends a GET and reads its answer.
answer get(client& c, const std::string& path, const std::string& headers = {});

/// A server on a free port with a hook of one's own.
std::shared_ptr<transport::server> serve(transport::early_hook hook,
                                         transport::transport_options options = {});
/// Options with certificates made for the test.
struct pki {
  key_pair ca = make_ca("test-ca");
  key_pair server = make_leaf(ca, "server");
  transport::transport_options options() const;
};
/// Made once: keys cost time.
const pki& shared_pki();

/// A value that another thread sets; waiting for it is bounded.
template <class T>
class eventually {
public:
  void set(T value) {
    std::lock_guard lock{mutex_};
    value_ = std::move(value);
    changed_.notify_all();
  }
  T get() {
    std::unique_lock lock{mutex_};
    BOOST_REQUIRE(
        changed_.wait_for(lock, std::chrono::seconds{20}, [&] { return value_.has_value(); }));
    return *value_;
  }
  bool is_set() {
    std::lock_guard lock{mutex_};
    return value_.has_value();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<T> value_;
};

/// Whether the condition becomes true within a generous time.
bool becomes_true(const std::function<bool()>& condition);

inline transport::respond text(std::string body, int status = 200) {
  return {
      transport::response{status, "text/plain", transport::payload{std::move(body)}, {}, false}};
}

} // namespace thespis::test
