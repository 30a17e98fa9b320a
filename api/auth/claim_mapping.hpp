// From the claims of a token to a user, as an issuer's configuration says.
#pragma once

#include "api/auth/authentication_config.hpp"
#include "api/cel/cel.hpp"
#include "api/json.hpp"
#include "api/pipeline/call.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace thespis::api::auth {

/// Compiled; immutable and thread-safe.
class claim_mapping {
public:
  /// Errors: bad_request "claimMappings.username.expression: ..." for expressions that do not
  /// compile or yield something else.
  static result<claim_mapping> make(const jwt_issuer& from);

  /// Whose claims these are, when all rules hold. Errors: unauthorized; the message, which is for
  /// logs alone, says which rule does not and holds nothing of the claims.
  result<user_info> user_of(const json::value& claims) const;

private:
  struct rule {
    validation_rule what;
    std::optional<cel::program> program;
  };
  struct source {
    claim_source what;
    std::optional<cel::program> program;
  };
  using texts = std::vector<std::string>;

  static result<rule> compile_rule(const cel::environment& env, const validation_rule& r,
                                   const std::string& at);
  static result<source> compile_source(const cel::environment& env, const claim_source& s,
                                       const std::string& at);
  result<texts> read(const source& s, const json::value& claims, const cel::value& seen,
                     cel::evaluation& run) const;
  result<void> check_rules(const std::vector<rule>& rules, const json::value& claims,
                           const cel::value& seen, cel::evaluation& run) const;
  result<void> check_email(const json::value& claims) const;

  std::vector<rule> claim_rules_, user_rules_;
  source username_, groups_, uid_;
  std::vector<std::pair<std::string, cel::program>> extra_;
};

} // namespace thespis::api::auth
