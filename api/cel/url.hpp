// The parts of a URL.
#pragma once

#include <string>
#include <string_view>

namespace thespis::api::cel {

struct url_parts {
  std::string_view scheme, host, path, query;
};

/// What is wrong with an absolute URI or absolute path, in the words of Go's net/url; empty: it is
/// one. With `parts` the fragment is cut off and the parts are given.
std::string check_request_uri(std::string_view text, url_parts* parts);

} // namespace thespis::api::cel
