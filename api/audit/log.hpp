// The audit log: lines gathered by whoever has one, written in batches by a thread of its own.
#pragma once

#include "api/result.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace thespis::api::audit {

struct log_options {
  std::string path;
  size_t max_bytes = 100 << 20;  ///< a file that is as long is put aside
  size_t max_files = 10;         ///< put aside, beyond it the oldest goes
  size_t max_waiting = 16 << 20; ///< bytes in memory; what comes beyond is lost, and counted
};

/// What was written and what was not.
struct log_numbers {
  uint64_t events = 0; ///< given to `write`
  uint64_t lost = 0;   ///< no room in memory
  uint64_t failed = 0; ///< the file did not take them
  uint64_t batches = 0;
};

/// Thread-safe. Whoever writes never waits. Lines that are lost are told of by a line in the log
/// itself as soon as there is room, and in the program's log.
class log {
public:
  /// Opens or makes the file, mode 0600. Errors: internal_error.
  static result<std::shared_ptr<log>> open(log_options options);
  /// Writes what waits, then closes.
  ~log();
  log(const log&) = delete;
  log& operator=(const log&) = delete;

  /// Queues one event's JSON, without the end of line.
  void write(std::string line);
  log_numbers numbers() const;
  /// Returns when all that was queued before is in the file; for tests and for the end.
  void flush();

private:
  explicit log(log_options options);
  bool reopen();
  void run();
  void put(const std::string& batch, uint64_t lines);
  void rotate();

  const log_options options_;
  int file_ = -1;
  size_t size_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable due_, done_;
  std::string waiting_;
  uint64_t waiting_lines_ = 0;
  uint64_t lost_since_ = 0; ///< not told of yet
  bool busy_ = false;
  bool stopping_ = false;
  log_numbers numbers_;
  std::thread thread_;
};

} // namespace thespis::api::audit
