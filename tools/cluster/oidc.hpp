// The outside issuers that the configuration names.
#pragma once

#include "api/auth/oidc.hpp"
#include "config/settings.hpp"
#include "tools/cluster/cluster.hpp"

#include <map>
#include <memory>

namespace thespis::tools {

/// All issuers and the rule for strangers, as the configuration has them now. Thread-safe.
class outside_users {
public:
  struct state {
    std::map<std::string, std::shared_ptr<api::auth::oidc_issuer>> issuers; ///< by URL
    std::optional<api::auth::anonymous_rule> anonymous;
  };

  explicit outside_users(state s) { set(std::move(s)); }
  void set(state s) { state_ = std::make_shared<const state>(std::move(s)); }

  /// Whose the token is; nothing for tokens that no issuer answers for.
  std::optional<api::auth::token_identity> authenticate(std::string_view token) const;
  /// Whether strangers may ask for this path; nothing: as if nobody had said.
  std::optional<bool> lets_strangers(std::string_view path) const;
  std::shared_ptr<const state> now() const { return state_.load(); }

private:
  std::atomic<std::shared_ptr<const state>> state_;
};

/// Starts to fetch the issuers' keys, now and whenever it is due; `api.authentication-config` is
/// read again when it changes, and kept as it was while it cannot be. Null when nothing is
/// configured. Errors: bad_request for settings that cannot be meant; the file's.
api::result<std::shared_ptr<outside_users>> start_oidc(cluster& c, const config::settings& s);

} // namespace thespis::tools
