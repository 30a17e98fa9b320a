// Requests to servers that somebody else runs: webhooks, extension servers. A port: the real one
// is https_client.hpp, tests put scripts there.
#pragma once

#include "api/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace thespis::api::outbound {

struct request {
  std::string method = "POST";
  /// https://host[:port][/path][?query]; shown in errors.
  std::string url;
  /// Where to connect when that is not the URL's host and port (a Service's endpoint); a literal
  /// address, empty for the URL's own.
  std::string address;
  uint16_t port = 0;
  /// The only authorities to trust, PEM; empty for the machine's.
  std::string ca_bundle;
  bool insecure = false; ///< whoever answers is believed
  /// What the client proves itself with, PEM; empty for nothing.
  std::string client_certificate, client_key;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body; ///< of type application/json, unless the headers say otherwise
  std::chrono::milliseconds timeout{10000}; ///< for everything, from look-up to last byte
  size_t max_answer = 3 * 1024 * 1024;      ///< bytes of the answer's body
};

struct answer {
  int code = 0; ///< any; a redirect is an answer like others, and is not followed
  std::string content_type;
  std::string body;
};

/// Thread-safe.
class client {
public:
  virtual ~client() = default;
  /// Blocks, at most about the request's timeout. Errors, in the words of Go's client (`Post
  /// "https://...": context deadline exceeded`): timeout; else service_unavailable.
  virtual result<answer> send(const request& r) = 0;
};

} // namespace thespis::api::outbound
