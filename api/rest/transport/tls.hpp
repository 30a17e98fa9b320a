// Certificates and what OpenSSL is told about them.
#pragma once

#include "api/rest/transport/server.hpp"

#include <openssl/ssl.h>

namespace thespis::api::transport {

/// The server's side of TLS as one immutable value; a reload makes a new one. Connections keep
/// the one that they began with.
class tls_context {
public:
  /// Errors: bad_request, naming what OpenSSL could not read or match.
  static result<std::shared_ptr<const tls_context>> make(const tls_material& material);

  tls_context(const tls_context&) = delete;
  tls_context& operator=(const tls_context&) = delete;
  ~tls_context();

  SSL_CTX* native() const { return ctx_; }

  /// Verifies the certificate that the peer has shown, if any, against the client CA and the
  /// present time, and fills in `verified`, names or the error. Done by ourselves after each
  /// handshake, so that a resumed session is never trusted for an earlier verification.
  void identify(SSL* ssl, peer_identity& peer) const;

private:
  tls_context() = default;
  result<void> load(const tls_material& material);
  result<void> load_client_ca(const tls_material& material);
  SSL_CTX* ctx_ = nullptr;
  X509_STORE* client_ca_ = nullptr;
};

/// What OpenSSL queued as the reason of its last failure; empties the queue.
std::string tls_error();

} // namespace thespis::api::transport
