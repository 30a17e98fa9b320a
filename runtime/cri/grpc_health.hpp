// The gRPC health check (grpc.health.v1.Health/Check) that a pod's grpc probes make.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace thespis::runtime {

/// What a check found: whether the server serves, and otherwise why not, in kubelet's words.
struct grpc_health {
  bool serving = false;
  std::string message;
};

/// Asks the server at `host`:`port`, without TLS, about `service` (empty: about itself). Calls back
/// exactly once, within `timeout`, on a thread of its own.
void check_grpc_health(const std::string& host, int port, const std::string& service,
                       std::chrono::milliseconds timeout, std::function<void(grpc_health)> done);

} // namespace thespis::runtime
