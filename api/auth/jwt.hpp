// JSON Web Tokens (RFC 7515, 7517, 7519) in the one form that is used here: compact, signed with a
// private key. Everything a stranger sends is bounded before it is looked at.
#pragma once

#include "api/json.hpp"
#include "api/result.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using EVP_PKEY = struct evp_pkey_st;

namespace thespis::api::auth {

/// Tokens longer than this are refused unread.
inline constexpr size_t max_token_bytes = 16 * 1024;

/// One key, public or private; immutable.
class token_key {
public:
  /// A PEM text: an EC key on P-256, P-384 or P-521, or an RSA key of at least 2048 bits; private
  /// or public. An RSA key signs with RS256. Errors: bad_request.
  static result<token_key> load(std::string_view pem);
  /// A public key of a JWK set, of the same kinds. Its id is the set's ("kid"), and may be empty.
  /// When it names its algorithm it is good for that alone. Errors: bad_request, also for keys that
  /// are not for signatures.
  static result<token_key> from_jwk(const json::value& jwk);
  /// A new EC private key, as PEM (PKCS #8). Errors: internal_error.
  static result<std::string> make();

  /// What it signs with: "RS256", "ES256", "ES384" or "ES512".
  const std::string& algorithm() const { return algorithm_; }
  /// Its id as Kubernetes names keys: SHA-256 of the public key's DER, base64url.
  const std::string& id() const { return id_; }
  bool can_sign() const { return can_sign_; }

  /// The signature, base64url. Errors: internal_error.
  result<std::string> sign(std::string_view text) const;
  /// Whether its signatures may be of this algorithm.
  bool may_verify(std::string_view algorithm) const;
  /// `signature` is raw, not encoded. False, too, for algorithms that are not the key's.
  bool verify(std::string_view text, std::string_view signature, std::string_view algorithm) const;
  /// As a member of a JWK set.
  json::value jwk(json::allocator& a) const;

private:
  /// Sets algorithm_. Errors: bad_request for keys of another kind.
  result<void> name_algorithm();

  std::shared_ptr<EVP_PKEY> key_;
  std::string algorithm_;
  std::string only_; ///< what a JWK says it is for; empty: all that its kind can
  std::string id_;
  bool can_sign_ = false;
};

/// A token that says `claims`. Errors: internal_error.
result<std::string> sign_token(const token_key& key, const json::value& claims);

/// The names of RFC 7518 that keys here can verify: RS, PS and ES, each with 256, 384 and 512.
std::vector<std::string> signing_algorithms();
bool is_signing_algorithm(std::string_view name);

/// The claims of a token that one of the keys has signed, in one of the ways that are allowed
/// (empty: all that the keys can); nothing for anything else.
std::optional<json::document> verify_token(std::string_view token,
                                           const std::vector<token_key>& keys,
                                           const std::vector<std::string>& allowed = {});

} // namespace thespis::api::auth
