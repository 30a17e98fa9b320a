// The HTTP transport under cpprestsdk's http_listener: Boost.Beast parses, OpenSSL encrypts, and
// everything hostile, slow or oversized ends here.
//
// A request's way: TLS → limits → `early_hook` → one of: answered at once, read and handed to the
// http_listener, turned into a stream of chunks, or taken over as raw bytes. The hook and the
// handlers run on an I/O thread and must never block; every `reply` may come later, from any
// thread, also when the client has gone.
#pragma once

#include "api/rest/transport/stream.hpp"
#include "api/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace web::http {
class http_request;
}

namespace thespis::api::transport {

/// What one client may cost. A limit that is passed ends the request with a metav1.Status where
/// the protocol still allows one, and with a closed connection where it does not.
struct limits {
  size_t header_bytes = 16 * 1024;          ///< request line and headers: 431 beyond
  size_t body_bytes = 3 * 1024 * 1024;      ///< request body: 413 beyond
  size_t unauthenticated_bytes = 64 * 1024; ///< buffered before the hook has answered
  std::chrono::milliseconds handshake{10'000};
  std::chrono::milliseconds header{10'000};      ///< from a request's first byte to its last header
  std::chrono::milliseconds body_grace{10'000};  ///< a body takes no longer than this ...
  size_t body_bytes_per_second = 16 * 1024;      ///< ... and what it needs at this rate
  std::chrono::milliseconds idle{60'000};        ///< between two requests of a connection
  std::chrono::milliseconds write{30'000};       ///< without one byte taken by the client
  size_t max_connections = 10'000;               ///< beyond, the newest are closed
  size_t max_handshakes = 1'024;                 ///< beyond, the oldest unfinished one is closed
  size_t max_in_flight_per_peer = 4'000;         ///< requests of one address at a time: 429 beyond
  size_t stream_pending_bytes = 8 * 1024 * 1024; ///< a stream that lags further is cut off
  size_t gzip_bytes = 128 * 1024;                ///< bodies larger than this are compressed
};

/// Certificates as PEM text. Without a certificate the server speaks plain HTTP.
struct tls_material {
  std::string certificate; ///< the chain, leaf first
  std::string key;
  std::string client_ca; ///< who may sign client certificates; may hold several
  bool request_client_certificate = true;
};

struct transport_options {
  std::string address = "127.0.0.1"; ///< an IPv4 or IPv6 address
  uint16_t port = 0;                 ///< 0 takes a free one; see server::port()
  tls_material tls;
  unsigned io_threads = 2;
  transport::limits limits;
};

/// The request line and headers, before any body. A view: valid only while the hook runs.
class request_head {
public:
  std::string_view method() const;
  /// As sent, percent-encoding untouched: `/api/v1/pods?limit=1`.
  std::string_view target() const;
  std::string_view path() const;
  std::string_view query() const; ///< without the `?`
  unsigned version() const;       ///< 10 or 11
  /// The first header of that name, case-insensitively; empty when there is none.
  std::string_view header(std::string_view name) const;
  size_t count(std::string_view name) const;
  void for_each(const std::function<void(std::string_view, std::string_view)>& f) const;
  /// Whether the comma-separated header `name` holds `token`, case-insensitively.
  bool has_token(std::string_view name, std::string_view token) const;
  /// Whether the client asks to leave HTTP: `Connection: upgrade` with an `Upgrade`.
  bool wants_upgrade() const;
  const peer_identity& peer() const;
  /// The head as bytes for an upstream server, with another target and Host, and without the
  /// client's credentials (Authorization, Cookie, bearer WebSocket subprotocols, X-Remote-*).
  std::string serialize(std::string_view target, std::string_view host) const;
  /// The headers for a server behind us: neither what we know the client by nor what is between two
  /// neighbours only (Host, framing, Connection and what it names; with `upgrade` those that ask
  /// for one stay).
  header_list forwardable(bool upgrade) const;

private:
  friend class connection;
  request_head(const void* fields, const peer_identity& peer) : fields_(fields), peer_(peer) {}
  const void* fields_;
  const peer_identity& peer_;
};

/// Outcome: answered by the hook itself. The fastest way: no http_request is built.
struct respond {
  response answer;
};

/// Outcome: the body is read and the request goes to the http_listener of this server.
struct proceed {
  std::shared_ptr<void> context; ///< e.g. the user; see context_of()
  size_t max_body_bytes = 0;     ///< 0: limits::body_bytes
};

/// Outcome: an answer of unknown length. `start` is called on the I/O thread, with the request's
/// body when `read_body`.
struct stream {
  std::function<void(std::shared_ptr<response_stream>, std::string body)> start;
  bool read_body = false;
};

/// Outcome: the connection leaves HTTP. `start` is called on the I/O thread. A request with a body
/// is refused with 400.
struct upgrade {
  std::function<void(std::shared_ptr<upgrade_request>)> start;
};

using outcome = std::variant<respond, proceed, stream, upgrade>;

/// Decides over every request as soon as its headers are complete. Runs on I/O threads, in
/// parallel. What it throws becomes a 500.
using early_hook = std::function<outcome(const request_head&)>;

/// A refusal with the error's metav1.Status and code (Retry-After when the error has one).
respond refuse(const api::error& e);
/// A refusal with a code and a JSON body of one's own.
respond refuse(int status, std::string json, header_list headers = {});

struct server_stats {
  uint64_t accepted = 0;
  uint64_t requests = 0;
  uint64_t handshakes_failed = 0;
  uint64_t refused = 0;   ///< answered by the transport itself: malformed, oversized, too many
  uint64_t timed_out = 0; ///< connections ended by a deadline
  size_t connections = 0;
  size_t streams = 0;
  size_t upgraded = 0;
};

/// One listening socket with its I/O threads. The first server installs the transport into
/// cpprestsdk for the life of the process. Destruction stops it.
///
///     auto server = transport::server::start(options, hook);
///     web::http::experimental::listener::http_listener listener((*server)->base_uri());
///     listener.support(handler);
///     listener.open().wait();
class server {
public:
  /// Errors: `invalid`-like bad_request for unusable certificates or address,
  /// service_unavailable when the port cannot be bound.
  static result<std::shared_ptr<server>> start(transport_options options, early_hook hook);

  virtual ~server() = default;
  /// The port that is bound.
  virtual uint16_t port() const = 0;
  /// "https://127.0.0.1:6443/": what an http_listener is constructed with to get this server's
  /// requests. Listeners under longer paths take precedence.
  virtual std::string base_uri() const = 0;
  /// New connections use the new certificates, existing ones go on. On error nothing changes.
  virtual result<void> reload_tls(const tls_material& tls) = 0;
  /// Accepts no more, lets requests finish for `grace`, closes streams, then cuts. Blocks; never
  /// call it from an I/O thread. A second call does nothing.
  virtual void stop(std::chrono::milliseconds grace) = 0;
  virtual server_stats stats() const = 0;
};

// What a handler of http_listener may ask about a request, before it has replied.

/// The context that the hook gave with `proceed`; null after the reply.
std::shared_ptr<void> context_of(const web::http::http_request& request);
template <class T>
std::shared_ptr<T> context_of(const web::http::http_request& request) {
  return std::static_pointer_cast<T>(context_of(request));
}
/// Who sent it; null after the reply.
const peer_identity* peer_of(const web::http::http_request& request);
/// The target as sent, percent-encoding untouched; empty after the reply.
std::string_view target_of(const web::http::http_request& request);
/// The request's body without cpprestsdk's streams; empty after the reply.
std::string_view body_of(const web::http::http_request& request);

/// Replies without cpprestsdk's streams and without copying the body. Like http_request::reply,
/// once per request, from any thread. The answer to a request already replied to is dropped.
void reply(const web::http::http_request& request, response answer);
void reply_shared(const web::http::http_request& request, int status, std::string content_type,
                  shared_bytes body, header_list headers = {});

} // namespace thespis::api::transport
