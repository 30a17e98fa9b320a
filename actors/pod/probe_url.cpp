#include "actors/pod/probe_url.hpp"

#include <charconv>
#include <string_view>

namespace thespis::actors {

namespace {

std::string encoded(std::string_view path) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string res;
  if (!path.starts_with('/'))
    res = '/';
  for (const char c : path) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '#')
      break; // fragments are not sent
    if (u <= ' ' || u >= 0x7f || c == '"' || c == '<' || c == '>' || c == '\\' || c == '^' ||
        c == '`' || c == '{' || c == '|' || c == '}') {
      res += '%';
      res += digits[u >> 4];
      res += digits[u & 15];
    } else {
      res += c;
    }
  }
  return res;
}

// "host:port", "[v6]:port", with or without the port.
bool split_authority(std::string_view text, std::string& host, int& port) {
  if (const auto at = text.rfind('@'); at != std::string_view::npos)
    text.remove_prefix(at + 1);
  std::string_view number;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos)
      return false;
    host = text.substr(1, end - 1);
    number = text.substr(end + 1);
  } else {
    const auto colon = text.find(':');
    host = text.substr(0, colon);
    number = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
  }
  if (number.empty() || number == ":")
    return !host.empty();
  const auto* end = number.data() + number.size();
  const auto [stop, failed] = std::from_chars(number.data() + 1, end, port);
  return number.front() == ':' && failed == std::errc{} && stop == end && port > 0 &&
         port <= 65535 && !host.empty();
}

} // namespace

std::string join_host_port(const std::string& host, int port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string probe_url::to_string() const {
  return (tls ? "https://" : "http://") + join_host_port(host, port) + target;
}

std::optional<probe_url> probe_url::resolve(const std::string& location) const {
  auto res = *this;
  std::string_view rest = location;
  bool authority = false;
  if (rest.starts_with("http://") || rest.starts_with("https://")) {
    res.tls = rest.starts_with("https://");
    rest.remove_prefix(res.tls ? 8 : 7);
    authority = true;
  } else if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    authority = true;
  } else if (const auto colon = rest.find(':');
             colon != std::string_view::npos && colon < rest.find_first_of("/?#")) {
    return std::nullopt; // another scheme
  }
  if (authority) {
    const auto end = rest.find_first_of("/?#");
    res.port = res.tls ? 443 : 80;
    if (!split_authority(rest.substr(0, end), res.host, res.port))
      return std::nullopt;
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end);
    res.target = encoded(rest);
    return res;
  }
  const auto path = target.substr(0, target.find('?'));
  if (rest.starts_with('/'))
    res.target = encoded(rest);
  else if (rest.starts_with('?'))
    res.target = encoded(path + std::string{rest});
  else
    res.target = encoded(path.substr(0, path.rfind('/') + 1) + std::string{rest});
  return res;
}

probe_url make_probe_url(bool tls, std::string host, int port, const std::string& path) {
  return {tls, std::move(host), port, encoded(path)};
}

} // namespace thespis::actors
