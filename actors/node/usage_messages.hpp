// What a node tells of what its containers and itself use.
#pragma once

#include "api/error.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace thespis::actors {

/// What does the node use?
struct usage_query {};

/// A container at one instant.
struct container_usage {
  std::string name;
  int64_t timestamp = 0;        ///< nanoseconds since the epoch
  uint64_t cpu_nanoseconds = 0; ///< on all cores, since the container started
  uint64_t memory_bytes = 0;    ///< its working set
};

struct pod_usage {
  std::string ns;
  std::string name;
  std::string uid;
  std::vector<container_usage> containers; ///< those that run
};

/// The node at one instant.
struct usage_report {
  bool ok = false;
  api::error failure;
  int64_t timestamp = 0;        ///< nanoseconds since the epoch
  uint64_t cpu_nanoseconds = 0; ///< on all cores, since the machine started
  uint64_t memory_bytes = 0;    ///< what could not be reclaimed at once
  std::vector<pod_usage> pods;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, usage_query&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, container_usage& x) {
  return f(x.name, x.timestamp, x.cpu_nanoseconds, x.memory_bytes);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, pod_usage& x) {
  return f(x.ns, x.name, x.uid, x.containers);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, usage_report& x) {
  return f(x.ok, x.failure, x.timestamp, x.cpu_nanoseconds, x.memory_bytes, x.pods);
}

} // namespace thespis::actors
