// What load balancers are told when they ask a node whether it has pods of a Service: the HTTP
// servers of spec.healthCheckNodePort.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace thespis::proxy {

/// What is answered on one port: 200 with local endpoints, 503 without.
struct health_answer {
  std::string ns;
  std::string service;
  size_t local_endpoints = 0;

  bool operator==(const health_answer&) const = default;
};

/// By port.
using health_answers = std::map<uint16_t, health_answer>;

/// Listens on all addresses of the machine, on a thread of its own. Each connection is one request
/// of at most 8 KiB, has five seconds, and at most 64 are open at a time.
class health_checks {
public:
  health_checks();
  ~health_checks();
  health_checks(const health_checks&) = delete;

  /// Opens and closes ports so that exactly these are served. Does not wait; a port that cannot be
  /// opened is logged and tried again at the next call.
  void serve(health_answers answers);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace thespis::proxy
