// Ten endpoints, a client and a machine between them, in network namespaces of this process alone.
#pragma once

#include "api/result.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace thespis::tools::bench {

/// A network namespace for as long as this object lives. Throws std::runtime_error.
class net_space {
public:
  net_space();
  ~net_space();
  net_space(const net_space&) = delete;

  /// Runs `f` in a thread inside, and waits for it. What that thread starts is inside as well.
  void run(const std::function<void()>& f) const;
  void ip(const std::string& commands) const;
  std::string path() const;

private:
  int fd_ = -1;
};

/// Where a client connects to; the next of them for each connection. IPv4, host byte order.
struct target {
  std::vector<uint32_t> addresses;
  uint16_t port = 0;
};

class service_lab {
public:
  static constexpr size_t endpoints = 10;
  static constexpr uint16_t port = 8080;

  service_lab();
  ~service_lab();

  net_space node;
  net_space client;
  net_space pods;

  static uint32_t endpoint(size_t i) { return 0x0af40002U + static_cast<uint32_t>(i); }
  static std::string endpoint_text(size_t i) { return "10.244.0." + std::to_string(i + 2); }
  /// The first endpoint answers after so many milliseconds; 0: at once.
  void slow_first(int milliseconds) { slow_ = milliseconds; }

  // Loads. All run for `seconds` in the client's namespace.

  /// Connections a second, each with one request, `at_once` at a time; the time each took, in
  /// milliseconds, goes to `latencies` if given.
  double connects(const target& to, double seconds, size_t at_once,
                  std::vector<double>* latencies = nullptr) const;
  /// Requests a second on `open` connections.
  double requests(const target& to, double seconds, size_t open) const;
  /// Megabytes a second from the endpoints on `open` connections.
  double throughput(const target& to, double seconds, size_t open) const;

private:
  void serve();

  std::atomic<int> slow_{0};
  std::vector<int> listeners_;
  int wake_ = -1;
  std::thread server_;
};

} // namespace thespis::tools::bench
