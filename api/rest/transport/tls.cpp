#include "api/rest/transport/tls.hpp"

#include "api/openssl.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <memory>

namespace thespis::api::transport {

namespace {

using namespace openssl;

using store_ctx_ptr = std::unique_ptr<X509_STORE_CTX, freed_by<X509_STORE_CTX_free>>;

tl::unexpected<error> bad(std::string_view what) {
  return fail(bad_request(std::string{what} + ": " + tls_error()));
}

// Every certificate is let through here and judged by identify(), so that a client with an unknown
// certificate gets a readable 401 rather than a broken handshake. A ticket holds only the leaf:
// a session that needed intermediates could not be verified again, so it gets none.
int accept_any(X509_STORE_CTX* store, void*) {
  if (auto* chain = X509_STORE_CTX_get0_untrusted(store); chain && sk_X509_num(chain) > 1) {
    auto* ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    SSL_set_num_tickets(ssl, 0);
    SSL_set_options(ssl, SSL_OP_NO_TICKET);
  }
  X509_STORE_CTX_set_error(store, X509_V_OK);
  return 1;
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in,
                    unsigned in_size, void*) {
  static constexpr unsigned char ours[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, size, ours, sizeof ours - 1, in, in_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// The text of a name's entry; false when it holds a NUL, with which "admin\0x" could pass for
// "admin".
bool entry_text(const X509_NAME_ENTRY* entry, std::string& text) {
  unsigned char* utf8 = nullptr;
  int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
  if (size < 0)
    return false;
  text.assign(reinterpret_cast<char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  return text.find('\0') == std::string::npos;
}

bool read_subject(X509* certificate, peer_identity& peer) {
  auto* name = X509_get_subject_name(certificate);
  std::string text;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    auto* entry = X509_NAME_get_entry(name, i);
    auto nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    if (nid != NID_commonName && nid != NID_organizationName)
      continue;
    if (!entry_text(entry, text))
      return false;
    if (nid == NID_commonName)
      peer.common_name = text;
    else
      peer.organizations.push_back(text);
  }
  return true;
}

} // namespace

std::string tls_error() {
  std::string text;
  char line[256];
  while (auto code = ERR_get_error()) {
    ERR_error_string_n(code, line, sizeof line);
    if (text.empty())
      text = line;
  }
  return text.empty() ? "no reason given" : text;
}

result<std::shared_ptr<const tls_context>> tls_context::make(const tls_material& material) {
  std::shared_ptr<tls_context> context{new tls_context};
  ERR_clear_error();
  if (auto loaded = context->load(material); !loaded)
    return fail(loaded.error());
  return std::shared_ptr<const tls_context>{std::move(context)};
}

tls_context::~tls_context() {
  SSL_CTX_free(ctx_);
  X509_STORE_free(client_ca_);
}

result<void> tls_context::load(const tls_material& material) {
  ctx_ = SSL_CTX_new(TLS_server_method());
  if (ctx_ == nullptr)
    return bad("TLS");
  SSL_CTX_set_min_proto_version(ctx_, TLS1_2_VERSION);
  SSL_CTX_set_options(ctx_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // With AES in hardware 128 bits cost a quarter less than OpenSSL's first choice of 256.
  SSL_CTX_set_ciphersuites(
      ctx_, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
  SSL_CTX_set_mode(ctx_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(ctx_, 1);
  SSL_CTX_set_session_cache_mode(ctx_, SSL_SESS_CACHE_OFF); // tickets keep no memory here
  SSL_CTX_set_num_tickets(ctx_, 1);
  SSL_CTX_set_max_cert_list(ctx_, 32 * 1024);
  SSL_CTX_set_alpn_select_cb(ctx_, choose_protocol, nullptr);

  auto chain = reader(material.certificate);
  x509_ptr leaf{PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)};
  if (!leaf || SSL_CTX_use_certificate(ctx_, leaf.get()) != 1)
    return bad("server certificate");
  while (auto* next = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr))
    SSL_CTX_add0_chain_cert(ctx_, next);
  ERR_clear_error(); // reading beyond the last one is an error to OpenSSL
  auto key_pem = reader(material.key);
  key_ptr key{PEM_read_bio_PrivateKey(key_pem.get(), nullptr, nullptr, nullptr)};
  if (!key || SSL_CTX_use_PrivateKey(ctx_, key.get()) != 1 || SSL_CTX_check_private_key(ctx_) != 1)
    return bad("server key");
  return load_client_ca(material);
}

result<void> tls_context::load_client_ca(const tls_material& material) {
  client_ca_ = X509_STORE_new();
  auto pem = reader(material.client_ca);
  auto* names = sk_X509_NAME_new_null();
  size_t count = 0;
  while (auto* raw = PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr)) {
    x509_ptr ca{raw};
    X509_STORE_add_cert(client_ca_, ca.get());
    sk_X509_NAME_push(names, X509_NAME_dup(X509_get_subject_name(ca.get())));
    ++count;
  }
  SSL_CTX_set_client_CA_list(ctx_, names);
  ERR_clear_error();
  if (count == 0 && !material.client_ca.empty())
    return fail(bad_request("client CA: holds no certificate"));
  if (material.request_client_certificate && count > 0) {
    SSL_CTX_set_verify(ctx_, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(ctx_, accept_any, nullptr);
  }
  static constexpr unsigned char id[] = "thespis";
  SSL_CTX_set_session_id_context(ctx_, id, sizeof id - 1);
  return {};
}

void tls_context::identify(SSL* ssl, peer_identity& peer) const {
  peer.tls = true;
  x509_ptr leaf{SSL_get1_peer_certificate(ssl)};
  if (!leaf)
    return;
  store_ctx_ptr store{X509_STORE_CTX_new()};
  if (!store ||
      X509_STORE_CTX_init(store.get(), client_ca_, leaf.get(), SSL_get_peer_cert_chain(ssl)) != 1) {
    peer.certificate_error = tls_error();
    return;
  }
  X509_STORE_CTX_set_default(store.get(), "ssl_client");
  X509_STORE_CTX_set_depth(store.get(), 8);
  if (X509_verify_cert(store.get()) != 1) {
    peer.certificate_error = X509_verify_cert_error_string(X509_STORE_CTX_get_error(store.get()));
    ERR_clear_error();
    return;
  }
  if (!read_subject(leaf.get(), peer)) {
    peer.common_name.clear();
    peer.organizations.clear();
    peer.certificate_error = "the certificate's subject cannot be read";
    return;
  }
  peer.verified = true;
}

} // namespace thespis::api::transport
