// Load on the REST server: connections that are kept, each on a thread of its own, asking the same
// thing again and again. The same client for whatever server is measured.
#pragma once

#include "api/result.hpp"
#include "config/certificates.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace thespis::tools::bench {

struct load_request {
  uint16_t port = 0; ///< on 127.0.0.1
  std::string path;
  std::string accept = "application/json";
  std::string ca_pem;
  config::key_pair client;
  int connections = 4;
  std::chrono::seconds time{5};
  std::chrono::milliseconds pause{0}; ///< of each connection, between two requests
};

struct load_result {
  uint64_t answers = 0; ///< all with status 200
  uint64_t bytes = 0;   ///< of their bodies
  double seconds = 0;
  double median_ms = 0, p99_ms = 0; ///< from request to answer
};

/// Blocks. Errors: service_unavailable when a connection breaks or an answer is not 200.
api::result<load_result> run_load(const load_request& r);

/// Opens r.connections, asks each of them for r.path and calls `connected`; then begins a watch of
/// `watch_path` on each and calls `watching`. All are held during the calls. Errors: as run_load.
api::result<void> hold_watches(const load_request& r, const std::string& watch_path,
                               const std::function<void()>& connected,
                               const std::function<void()>& watching);

} // namespace thespis::tools::bench
