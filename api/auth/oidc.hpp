// Users of outside OpenID Connect issuers, by the tokens these sign.
#pragma once

#include "api/auth/claim_mapping.hpp"
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

/// Kubernetes' --oidc-* flags: one issuer, without expressions.
struct oidc_flags {
  std::string issuer;
  std::string client_id;
  std::string username_claim = "sub";
  /// What stands before user names; empty: "ISSUER#", or nothing when the claim is email. "-":
  /// nothing.
  std::string username_prefix;
  std::string groups_claim; ///< empty: no groups
  std::string groups_prefix;
  std::map<std::string, std::string> required_claims;
  std::vector<std::string> algorithms = {"RS256"}; ///< of signing_algorithms()
  std::string ca_bundle;
};

/// The same as a configuration has it. Errors: bad_request for flags that cannot be meant.
result<jwt_issuer> issuer_of(const oidc_flags& f);

struct oidc_deps {
  jwt_issuer settings;
  std::shared_ptr<outbound::client> client;
  std::function<clock_time()> now;
};

/// Thread-safe. Requests are judged by keys that were fetched before, and never wait for the
/// issuer.
class oidc_issuer {
public:
  /// Errors: bad_request for settings that cannot be meant.
  static result<std::shared_ptr<oidc_issuer>> make(oidc_deps deps);

  const std::string& url() const { return deps_.settings.url; }

  /// Whose the token is; nothing for tokens of others, or that are no good here. The audiences are
  /// those of the token that are ours.
  std::optional<token_identity> authenticate(std::string_view token) const;

  /// Fetches the issuer's keys when there are none, when they are old, or when a token was signed
  /// by one that is not known. Blocks. Errors: why they could not be fetched; the old ones stay.
  result<void> refresh();

private:
  oidc_issuer(oidc_deps deps, claim_mapping mapping)
      : deps_(std::move(deps)), mapping_(std::move(mapping)) {}
  result<json::document> fetch(const std::string& url) const;
  bool is_due() const;
  std::vector<std::string> audiences_of(const json::value& claims) const;
  bool is_its_time(const json::value& claims) const;

  struct key_set {
    std::vector<token_key> keys;
    clock_time fetched{};
  };
  const oidc_deps deps_;
  const claim_mapping mapping_;
  std::atomic<std::shared_ptr<const key_set>> keys_;
  mutable std::atomic<bool> unknown_key_{false};
};

/// The `iss` of a token as it says itself, believed by nobody yet; empty for what is no token.
std::string claimed_issuer(std::string_view token);

} // namespace thespis::api::auth
