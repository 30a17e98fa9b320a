// TCP connections as the local side of streams.
#pragma once

#include "runtime/streams/stream_sources.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace thespis::runtime {

/// The thread on which connections read and write. The destructor closes what is open.
class tcp_thread {
public:
  tcp_thread();
  ~tcp_thread();
  tcp_thread(const tcp_thread&) = delete;
  tcp_thread& operator=(const tcp_thread&) = delete;

  /// Calls back on that thread.
  void connect(const std::string& address, uint16_t port, stream_sources::opened done);

  struct impl;

private:
  std::shared_ptr<impl> impl_;
};

} // namespace thespis::runtime
