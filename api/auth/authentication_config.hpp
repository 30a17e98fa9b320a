// Whom outside issuers let in, and what strangers may ask for: AuthenticationConfiguration of
// apiserver.config.k8s.io.
#pragma once

#include "api/auth/jwt.hpp"
#include "api/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::auth {

/// Where a part of a user comes from: a claim, or an expression of `claims`; at most one is set.
struct claim_source {
  std::string claim;
  std::string prefix; ///< what stands before what the claim says
  std::string expression;
  bool empty() const { return claim.empty() && expression.empty(); }
};

/// What must hold of the claims, or, where it has no claim, of the user.
struct validation_rule {
  std::string claim, required_value; ///< the claim is exactly this
  std::string expression;            ///< else this is true
  std::string message;
};

struct extra_mapping {
  std::string key;
  std::string expression;
};

/// One issuer of tokens.
struct jwt_issuer {
  std::string url;           ///< https://...; the tokens' `iss`
  std::string discovery_url; ///< where its description is instead of below `url`; may be empty
  std::string authority;     ///< PEM that its server proves itself by; empty: the machine's
  std::vector<std::string> audiences; ///< one must be among the tokens' `aud`
  std::vector<validation_rule> claim_rules;
  claim_source username, groups, uid;
  std::vector<extra_mapping> extra;
  std::vector<validation_rule> user_rules;
  std::vector<std::string> algorithms = signing_algorithms();
};

struct anonymous_rule {
  bool enabled = true;
  std::vector<std::string> paths; ///< exactly these; empty: all
};

struct authentication_config {
  std::vector<jwt_issuer> issuers;
  std::optional<anonymous_rule> anonymous; ///< nothing: health and version only
};

/// Reads YAML of versions v1, v1beta1 and v1alpha1. Errors: bad_request that names the field and
/// says what is wrong in Kubernetes' words. Expressions are compiled to see that they can be.
result<authentication_config> parse_authentication_config(std::string_view yaml);

} // namespace thespis::api::auth
