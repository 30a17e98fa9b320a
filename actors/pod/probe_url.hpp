// The URLs that HTTP probes ask.
#pragma once

#include <optional>
#include <string>

namespace thespis::actors {

/// "10.0.0.1:80", "[fd00::1]:80".
std::string join_host_port(const std::string& host, int port);

struct probe_url {
  bool tls = false;
  std::string host; ///< without brackets
  int port = 0;
  std::string target; ///< path and query, begins with a slash, fit for a request line

  std::string to_string() const;
  /// Where a Location header leads from here; nothing when it is no http or https URL.
  std::optional<probe_url> resolve(const std::string& location) const;
};

/// Bytes that a request line cannot hold are percent-encoded.
probe_url make_probe_url(bool tls, std::string host, int port, const std::string& path);

} // namespace thespis::actors
