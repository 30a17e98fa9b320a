// Users of an outside OpenID Connect issuer, by the tokens it signs.
#pragma once

#include "api/auth/service_account_tokens.hpp"
#include "api/outbound/client.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::auth {

/// Kubernetes' --oidc-* flags.
struct oidc_settings {
  std::string issuer;    ///< https://...; must be the token's `iss`
  std::string client_id; ///< must be among the token's `aud`
  std::string username_claim = "sub";
  /// What stands before user names; empty: "ISSUER#", or nothing when the claim is email. "-":
  /// nothing.
  std::string username_prefix;
  std::string groups_claim; ///< empty: no groups
  std::string groups_prefix;
  std::map<std::string, std::string> required_claims;
  std::vector<std::string> algorithms = {"RS256"}; ///< of RS256, ES256
  std::string ca_bundle; ///< PEM that the issuer's server proves itself by; empty: the machine's
};

struct oidc_deps {
  oidc_settings settings;
  std::shared_ptr<outbound::client> client;
  std::function<clock_time()> now;
};

/// Thread-safe. Requests are judged by keys that were fetched before, and never wait for the
/// issuer.
class oidc_issuer {
public:
  /// Errors: bad_request for settings that cannot be meant.
  static result<std::shared_ptr<oidc_issuer>> make(oidc_deps deps);

  /// Whose the token is; nothing for tokens of others, or that are no good here.
  std::optional<token_identity> authenticate(std::string_view token) const;

  /// Fetches the issuer's keys when there are none, when they are old, or when a token was signed
  /// by one that is not known. Blocks. Errors: why they could not be fetched; the old ones stay.
  result<void> refresh();

private:
  explicit oidc_issuer(oidc_deps deps) : deps_(std::move(deps)) {}
  result<json::document> fetch(const std::string& url) const;
  bool is_due() const;
  std::optional<user_info> user_of(const json::value& claims) const;
  bool is_meant_for_us(const json::value& claims) const;

  struct key_set {
    std::vector<token_key> keys;
    clock_time fetched{};
  };
  const oidc_deps deps_;
  std::atomic<std::shared_ptr<const key_set>> keys_;
  mutable std::atomic<bool> unknown_key_{false};
};

} // namespace thespis::api::auth
