// Connections to a Thespis server from another machine: nothing is said before the server has
// proved to be the one that is meant.
#pragma once

#include "api/json.hpp"
#include "api/result.hpp"
#include "runtime/link/link_socket.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace thespis::runtime::link {

/// What the server is known by, and what the caller proves itself with.
struct dial_options {
  std::string host; ///< a name or an address
  uint16_t port = 6443;
  /// The authority's certificate, PEM; or, before that is known, its fingerprint.
  std::string ca;
  std::string ca_sha256; ///< of the DER, lower-case hex; used when `ca` is empty
  /// A client certificate with its key, PEM; both may be empty.
  std::string certificate;
  std::string key;
  std::string token; ///< a bearer token; may be empty
  std::chrono::seconds timeout{10};
};

struct http_answer {
  int status = 0;
  std::string body;
};

/// One connection. Blocks; use it where that is fine.
class server_connection {
public:
  /// Connects and shakes hands. Errors: service_unavailable when nobody answers there, unauthorized
  /// when it is somebody else: then nothing of the caller's was sent.
  static api::result<server_connection> open(const dial_options& options);

  /// The authority that the server's certificate was verified with, PEM.
  const std::string& ca() const { return ca_; }

  /// One request; the connection serves several. `body` is JSON. Errors: service_unavailable.
  api::result<http_answer> ask(const std::string& method, const std::string& path,
                               const std::string& body = {});

  /// Leaves HTTP. Errors: what the server answered instead, as unauthorized, forbidden, bad_request
  /// (no common version) or service_unavailable.
  api::result<link_socket> upgrade(const std::string& path, const std::string& protocol);

private:
  server_connection() = default;
  api::result<void> send(const std::string& text);
  api::result<std::string> read_head();
  std::string header_block() const;

  dial_options options_;
  std::string ca_;
  std::shared_ptr<link_socket> socket_;
  std::string unread_;
};

/// The fingerprint of a certificate in PEM: SHA-256 of its DER as lower-case hex; empty when it is
/// none.
std::string fingerprint_of(const std::string& pem);

} // namespace thespis::runtime::link
