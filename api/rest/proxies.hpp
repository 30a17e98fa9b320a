// The proxy subresources of pods, services and nodes: HTTP to what they name, through the API.
#pragma once

#include "api/rest/core.hpp"

namespace thespis::api::rest {

bool is_proxy(const request_target& t);

/// Passes the request on. `head` is the client's.
transport::outcome open_proxy(exchange_ptr x, const transport::request_head& head);

/// "[SCHEME:]NAME[:PORT]", as the proxy subresources name what they lead to.
struct proxied_name {
  bool tls = false;
  std::string name;
  std::string port; ///< a number or a name; empty for the default
};
/// Nothing when it is malformed.
std::optional<proxied_name> parse_proxied_name(std::string_view id);

/// What follows the first `n` segments of a path as it was sent; empty, or beginning with a slash.
std::string_view after_segments(std::string_view path, size_t n);

} // namespace thespis::api::rest
