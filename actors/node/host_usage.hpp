// What a whole machine uses: a port, because it is file I/O.
#pragma once

#include "api/result.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace thespis::actors {

struct host_usage {
  uint64_t cpu_nanoseconds = 0; ///< that all cores were busy, since the machine started
  uint64_t memory_bytes = 0;    ///< the working set: in use, without pages of files that are idle
};

class host_usage_port {
public:
  virtual ~host_usage_port() = default;
  /// Reads small files; called where that may block. Thread-safe. Errors: internal_error.
  virtual api::result<host_usage> read() const = 0;
};

/// This machine, by /proc/stat and /proc/meminfo in `proc`.
std::shared_ptr<const host_usage_port> machine_usage(std::string proc = "/proc");

} // namespace thespis::actors
