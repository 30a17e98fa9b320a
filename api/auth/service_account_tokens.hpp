// Tokens of service accounts: what is issued, and whose a token is. Claims are Kubernetes'.
#pragma once

#include "api/auth/jwt.hpp"
#include "api/generated/authentication_v1.hpp"
#include "api/pipeline/call.hpp"
#include "api/pipeline/reader.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace thespis::api::auth {

using clock_time = std::chrono::sys_time<std::chrono::nanoseconds>;

/// Whose a token is, and for whom it is meant, of those that were asked about.
struct token_identity {
  user_info user;
  std::vector<std::string> audiences;
};

struct token_deps {
  std::vector<token_key> keys; ///< the first signs; all verify
  std::string issuer = "https://kubernetes.default.svc.cluster.local";
  std::shared_ptr<const reader> state;
  std::function<clock_time()> now;
  std::function<std::string()> new_id; ///< a UUID for each token
};

/// Thread-safe.
class service_account_tokens {
public:
  explicit service_account_tokens(token_deps deps);

  /// Answers a TokenRequest for that account: audiences, expiry, binding to a Pod, Secret or
  /// Node. Errors: not_found, invalid, bad_request, conflict, in Kubernetes' words.
  result<v1::token_request> issue(std::string_view ns, std::string_view account,
                                  v1::token_request request) const;

  /// The token that a Secret of type kubernetes.io/service-account-token holds: without end, as
  /// long as the Secret and the account exist.
  result<std::string> issue_for_secret(const object& account, std::string_view secret) const;

  /// Whose the token is. Nothing unless we signed it, it is in force, it is meant for one of
  /// `audiences` (the API server's own when empty), and its account, and what it is bound to,
  /// still exist.
  std::optional<token_identity> authenticate(std::string_view token,
                                             const std::vector<std::string>& audiences = {}) const;

  const std::string& issuer() const { return deps_.issuer; }
  /// /.well-known/openid-configuration; `server` is "https://HOST:PORT".
  std::string discovery_document(const std::string& server) const;
  /// /openid/v1/jwks
  std::string key_set() const;

private:
  using claims_ptr = std::shared_ptr<const json::document>;

  claims_ptr claims_of(std::string_view token) const;
  std::optional<token_identity> judge(const json::value& claims,
                                      const std::vector<std::string>& audiences) const;
  std::optional<token_identity> judge_of_secret(const json::value& claims, std::string_view token,
                                                const std::vector<std::string>& audiences) const;
  object_ptr live(std::string_view resource, std::string_view ns, std::string_view name,
                  std::string_view uid) const;

  const token_deps deps_;
  // Signatures that were good once: checking one costs more than the whole rest of a request.
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::string, claims_ptr> verified_; ///< by the token's SHA-256
};

} // namespace thespis::api::auth
