// The cluster's certificate authority and the certificates it issues: X.509 v3 with ECDSA on P-256,
// as kubectl and client-go accept them.
#pragma once

#include "api/result.hpp"
#include "config/settings.hpp"

#include <chrono>

using EVP_PKEY = struct evp_pkey_st;
using X509 = struct x509_st;

namespace thespis::config {

using wall_time = std::chrono::sys_seconds;

/// A certificate and its private key (PKCS #8), both PEM.
struct key_pair {
  std::string certificate;
  std::string key;
};

enum class usage : uint8_t { server, client, both };

/// What a certificate shall say. `names` are DNS names and IP addresses for the subject alternative
/// name; Kubernetes reads the user from the common name and the groups from the organizations.
struct certificate_request {
  std::string common_name;
  std::vector<std::string> organizations;
  std::vector<std::string> names;
  usage use = usage::client;
  std::chrono::seconds lifetime = std::chrono::hours{24 * 365};
};

/// What a certificate says.
struct certificate_info {
  std::string common_name;
  std::vector<std::string> organizations;
  std::vector<std::string> names; ///< as in certificate_request, sorted
  wall_time not_before;
  wall_time not_after;
  bool is_ca = false;
};

/// Errors: bad_request when the text holds no certificate.
api::result<certificate_info> inspect_certificate(std::string_view pem);

/// A certificate authority that issues certificates. Immutable, so safe to share between threads.
class signer {
public:
  /// A new authority with a new key, valid from an hour before `now`.
  static api::result<signer> create(const std::string& common_name, wall_time now,
                                    std::chrono::seconds lifetime);
  /// An existing one. Errors: bad_request when the parts do not parse or do not belong together.
  static api::result<signer> load(const key_pair& pem);

  /// A new key with a certificate for it, valid from an hour before `now`, never longer than the
  /// authority itself. Errors: bad_request for a name that is neither a DNS name nor an address.
  api::result<key_pair> issue(const certificate_request& request, wall_time now) const;

  /// A certificate for the key, subject and names of a PKCS #10 request (PEM), for usages as
  /// Kubernetes names them ("client auth"). Whether they may be had is the caller's to judge.
  /// Errors: bad_request when the request does not parse or its signature is wrong.
  api::result<std::string> sign_request(const std::string& request,
                                        const std::vector<std::string>& usages, wall_time now,
                                        std::chrono::seconds lifetime) const;

  /// Whether `pair` was issued here, matches its key and is valid at `at`.
  bool vouches_for(const key_pair& pair, wall_time at) const;

  const key_pair& pem() const { return pem_; }
  wall_time not_after() const { return not_after_; }

private:
  signer() = default;

  std::shared_ptr<EVP_PKEY> key_;
  std::shared_ptr<X509> certificate_;
  key_pair pem_;
  wall_time not_after_;
};

/// A new key (PKCS #8) and a PKCS #10 request for it, both PEM.
struct signing_request {
  std::string key;
  std::string request;
};

/// Errors: internal_error.
api::result<signing_request> make_signing_request(const std::string& common_name,
                                                  const std::vector<std::string>& organizations);

/// Everything under <data-dir>/pki.
struct pki {
  signer ca;
  key_pair server;                 ///< of the REST API
  key_pair admin;                  ///< CN=admin, O=system:masters
  std::string front_proxy_ca;      ///< the authority that vouches for front_proxy only, PEM
  key_pair front_proxy;            ///< CN=front-proxy-client: what extension servers know us by
  std::string service_account_key; ///< signs service account tokens; PEM, P-256
  std::string service_account_public_key;
  /// Keys whose tokens are still good, though no new ones are signed with them: <dir>/sa-*.key and
  /// sa-*.pub, in the order of their names. To rotate, rename sa.key to sa-1.key and start again.
  std::vector<std::string> service_account_old_keys = {};
};

/// Loads the files of `dir` (made with mode 0700, files 0600) and makes what is missing. Server and
/// admin certificates are issued anew when a quarter of their life is left, when the names changed,
/// or when they do not belong to the authority. The authority itself is kept: clients trust it.
/// Errors: bad_request when it is damaged or expired, telling which file to restore or remove.
api::result<pki> ensure_pki(const std::string& dir, const std::vector<std::string>& server_names,
                            wall_time now);

/// The names and addresses the API is reached by: the local ones, the host's, those of the
/// `kubernetes` Service, and the settings' own.
std::vector<std::string> server_names(const settings& s);

} // namespace thespis::config
