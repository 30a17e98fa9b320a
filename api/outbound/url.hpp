// The parts of an https URL that a client needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace thespis::api::outbound {

struct url_parts {
  std::string scheme;
  std::string host; ///< a name or a literal address, without brackets
  uint16_t port = 443;
  std::string target;    ///< path and query, at least "/"
  std::string authority; ///< host and port as they stand in the URL: the Host header
};

/// Nothing when it has no scheme or host, a port out of range, user information, or characters
/// that do not belong into a request line.
std::optional<url_parts> parse_url(std::string_view url);

} // namespace thespis::api::outbound
