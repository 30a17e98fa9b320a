// Keeps a container's log from growing without bound, as kubelet does: the file is renamed, the
// runtime begins a new one, and older files are compressed and, beyond a number, removed.
#pragma once

#include "api/result.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>

namespace thespis::runtime {

/// Kubelet's containerLogMaxSize and containerLogMaxFiles.
struct log_limits {
  int64_t max_bytes = int64_t{10} << 20; ///< a log that is larger is rotated
  int64_t max_files = 5;                 ///< of one container instance, the one in use included
};

/// Whether the log has outgrown its limit; false when it cannot be read.
bool log_is_full(const std::filesystem::path& log, const log_limits& limits);

/// Moves the log to "<log>.20260102-150405" and makes room for it: the oldest files go, all but the
/// newest are gzipped. The runtime is then to be told to open its log anew. Gives the name it was
/// moved to. Blocks on the disk. Errors: internal_error, and nothing has moved.
api::result<std::filesystem::path> rotate_log(const std::filesystem::path& log,
                                              const log_limits& limits,
                                              std::chrono::sys_seconds now);

/// Removes a log with all that was rotated away from it.
void remove_log(const std::filesystem::path& log);

} // namespace thespis::runtime
