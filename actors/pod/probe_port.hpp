// How probes and hooks reach a container over the network: a port.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace thespis::actors {

/// One HTTP GET of a probe or a lifecycle hook.
struct http_probe {
  std::string host; ///< address to connect to
  int port = 0;
  bool tls = false; ///< certificates are not verified, as kubelet's
  std::string path = "/";
  std::vector<std::pair<std::string, std::string>> headers;
};

struct probe_result {
  bool success = false;
  std::string message;  ///< "HTTP probe failed with statuscode: 500"
  bool warning = false; ///< it succeeded, but not as somebody meant it
};

/// Calls back exactly once, from a thread of the port.
class probe_port {
public:
  using callback = std::function<void(probe_result)>;
  virtual ~probe_port() = default;
  /// Succeeds with a status from 200 to 399. Follows redirects to the same host only.
  virtual void http_get(http_probe what, std::chrono::seconds timeout, callback done) = 0;
  virtual void tcp_connect(std::string host, int port, std::chrono::seconds timeout,
                           callback done) = 0;
  /// The gRPC health check, about `service` or (empty) the server itself.
  virtual void grpc_check(std::string host, int port, std::string service,
                          std::chrono::seconds timeout, callback done) = 0;
};

/// Real sockets on one I/O thread.
std::shared_ptr<probe_port> make_network_probes();

/// Every probe succeeds at once; for simulated nodes.
std::shared_ptr<probe_port> make_simulated_probes();

} // namespace thespis::actors
