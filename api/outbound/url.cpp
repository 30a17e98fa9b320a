#include "api/outbound/url.hpp"

#include <algorithm>
#include <charconv>

namespace thespis::api::outbound {

std::optional<url_parts> parse_url(std::string_view url) {
  if (std::any_of(url.begin(), url.end(), [](char c) { return c <= ' ' || c == 0x7f; }))
    return std::nullopt;
  url = url.substr(0, url.find('#'));
  auto colon = url.find("://");
  if (colon == url.npos || colon == 0)
    return std::nullopt;
  url_parts p;
  p.scheme = url.substr(0, colon);
  auto rest = url.substr(colon + 3);
  auto end = rest.find_first_of("/?");
  auto authority = rest.substr(0, end);
  p.target = end == rest.npos ? "" : std::string(rest.substr(end));
  if (p.target.empty() || p.target.front() != '/')
    p.target.insert(0, "/");
  p.authority = authority;
  std::string_view port;
  if (authority.starts_with('[')) {
    auto close = authority.find(']');
    if (close == authority.npos)
      return std::nullopt;
    p.host = authority.substr(1, close - 1);
    auto after = authority.substr(close + 1);
    if (!after.empty() && after.front() != ':')
      return std::nullopt;
    port = after.empty() ? after : after.substr(1);
  } else {
    auto at = authority.find(':');
    p.host = authority.substr(0, at);
    port = at == authority.npos ? std::string_view{} : authority.substr(at + 1);
  }
  if (p.host.empty() || authority.find('@') != authority.npos)
    return std::nullopt;
  if (!port.empty()) {
    auto [ptr, code] = std::from_chars(port.data(), port.data() + port.size(), p.port);
    if (code != std::errc{} || ptr != port.data() + port.size() || p.port == 0)
      return std::nullopt;
  }
  return p;
}

} // namespace thespis::api::outbound
