// Static bearer tokens, from a file in the format of Kubernetes' --token-auth-file.
#pragma once

#include "api/result.hpp"

#include <array>
#include <map>

namespace thespis::config {

/// Whom a token stands for.
struct token_identity {
  std::string user;
  std::string uid;
  std::vector<std::string> groups;
};

/// The tokens of one file: a CSV record each (RFC 4180) of token, user, uid and optionally the
/// groups, which share one quoted column: `token,user,uid,"group1,group2"`. Immutable after
/// loading, so safe to share between threads. Tokens are kept only as keyed hashes, so neither a
/// dump of the memory nor the time that a look-up takes tells one.
class token_file {
public:
  /// Errors: bad_request with `path:line: ...` for a malformed record; a file that cannot be read.
  static api::result<token_file> load(const std::string& path);
  /// Same from text; `name` stands for the path in messages.
  static api::result<token_file> parse(std::string_view text, const std::string& name);

  /// The identity of that token, or null.
  const token_identity* find(std::string_view token) const;

  size_t size() const { return identities_.size(); }

private:
  using digest = std::array<unsigned char, 32>;

  digest digest_of(std::string_view token) const;

  std::array<unsigned char, 32> salt_{};
  std::map<digest, token_identity> identities_;
};

} // namespace thespis::config
