// Eviction thresholds as kubelet writes them: "memory.available<100Mi,nodefs.available<10%".
#pragma once

#include "api/result.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api {

/// How little of something there may be on a node.
struct threshold {
  std::string signal;   ///< "memory.available"
  int64_t quantity = 0; ///< units (bytes, inodes, processes); unless it is a share
  double share = 0;     ///< of the capacity, 0 to 1; 0: `quantity` counts
};

/// The least that may be available, of that capacity.
int64_t least_of(const threshold& t, int64_t capacity);

/// Reads a comma-separated list; "" is none. Errors: bad_request with kubelet's words.
result<std::vector<threshold>> parse_thresholds(std::string_view text);

/// Reads how much beyond its threshold a signal has to come: "nodefs.available=1Gi". Errors:
/// bad_request.
result<std::vector<threshold>> parse_minimum_reclaims(std::string_view text);

/// Reads how long a signal may stay below its threshold: "memory.available=1m30s". Errors:
/// bad_request.
result<std::map<std::string, std::chrono::nanoseconds>> parse_grace_periods(std::string_view text);

/// The amount or the share, as it is written: "100Mi", "10%".
std::string value_text(const threshold& t);

} // namespace thespis::api
