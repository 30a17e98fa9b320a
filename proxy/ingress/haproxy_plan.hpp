// What haproxy is to do for Ingresses, as the text of its files.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace thespis::proxy {

/// A Service's port that requests are sent to.
struct ingress_backend {
  /// Unique; of letters, digits, '-', '.' and '_'.
  std::string name;
  /// "10.43.0.9:80": the Service's own address, or for headless ones those of their pods. None:
  /// requests are answered with 503.
  std::vector<std::string> servers;

  auto operator<=>(const ingress_backend&) const = default;
};

/// Where requests of one host go. `path` begins with '/'.
struct ingress_route {
  std::string host; ///< "shop.example.com", "*.example.com" (one label), or "" for all others
  std::string path;
  bool exact = false; ///< else of whole path elements: /a is that of /a/b, not of /ab
  std::string backend;

  auto operator<=>(const ingress_route&) const = default;
};

/// A certificate and the names it is for; without names those it holds.
struct ingress_certificate {
  std::string name; ///< of its file: letters, digits, '-', '.' and '_'
  std::string pem;  ///< certificates and private key
  std::set<std::string> hosts;

  auto operator<=>(const ingress_certificate&) const = default;
};

struct ingress_table {
  std::vector<ingress_backend> backends;
  std::vector<ingress_route> routes; ///< the first one of a host, path and kind has it
  std::vector<ingress_certificate> certificates;
  std::string default_backend; ///< for what no route fits; empty: 404

  bool operator==(const ingress_table&) const = default;
};

struct haproxy_options {
  uint16_t http_port = 80;
  uint16_t https_port = 443;
  bool ipv6 = false;           ///< listen to IPv6 as well
  bool drop_privileges = true; ///< run workers as Debian's user `haproxy`
};

/// Stands in the files for the folder they are in.
inline constexpr const char* folder_mark = "@FOLDER@";

/// Files by their names: haproxy.cfg and those it names. The longest path that fits has a request,
/// an exact one before others; a host that has routes is not looked for elsewhere.
std::map<std::string, std::string> haproxy_files(const haproxy_options& o, const ingress_table& t);

/// Whether haproxy's files can hold that path: no blanks, controls or bytes beyond ASCII.
bool is_plain_path(const std::string& path);

/// Whether it is a PEM certificate with the private key that belongs to it.
bool is_key_pair(const std::string& certificate, const std::string& key);

} // namespace thespis::proxy
