// What the opaque values of Kubernetes' libraries hold. All text lives in the evaluation.
#pragma once

#include "api/cel/authorizer.hpp"
#include "api/cel/value.hpp"
#include "api/text/names.hpp"

namespace thespis::api::cel {

/// A parsed URL, its parts as Go's net/url has them.
struct url_rep {
  std::string_view text, scheme, host, path, query;
};

/// An address with a prefix length; its host bits may be set.
struct cidr_rep {
  ip_address address;
  unsigned prefix = 0;

  api::cidr masked() const { return {address, prefix}; }
};

struct semver_rep {
  uint64_t major = 0, minor = 0, patch = 0;
  std::string_view prerelease, build; ///< without their sign
};

/// A named format of the format library.
struct format_rep {
  std::string_view name;
  complaints (*check)(std::string_view) = nullptr;
  uint32_t regex_size = 0; ///< what its cost goes by
};

/// An authorizer, what it is asked so far, or what it answered.
struct authorization_rep {
  const authorizer* port = nullptr;
  authorization_request request;
  const authorization_request* current = nullptr; ///< the resource of the request; may be null
  bool allowed = false;
  std::string_view reason, error;
};

/// -1, 0, 1 by precedence; build metadata does not count.
int compare(const semver_rep& a, const semver_rep& b);

} // namespace thespis::api::cel
