// A node at one instant, and how kubelet's pages show it. No CAF and no I/O.
#pragma once

#include "actors/node/host_usage.hpp"
#include "actors/node/node_statistics.hpp"
#include "api/generated/core_v1_pod.hpp"
#include "runtime/cri/container_runtime.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace thespis::actors {

/// How much of the processors something used, in billionths of a core, by two readings.
class cpu_rates {
public:
  /// Takes a reading of `who`: nanoseconds on all cores, at `time` (nanoseconds since the epoch).
  /// The rate since the reading before; 0 while there is none.
  uint64_t take(const std::string& who, int64_t time, uint64_t nanoseconds);
  /// Forgets those that were not asked for since the last call.
  void forget_others();

private:
  struct reading {
    int64_t time = 0;
    uint64_t nanoseconds = 0;
    uint64_t rate = 0;
    bool wanted = true;
  };
  std::map<std::string, reading> known_;
};

struct pictured_container {
  std::string name;
  std::string id;
  std::string image;
  int64_t started_at = 0; ///< nanoseconds since the epoch
  uint64_t cpu_rate = 0;  ///< billionths of a core
  runtime::container_stats stats;
  disk_footprint disk; ///< writable layer and log
};

struct pictured_pod {
  std::shared_ptr<const api::v1::pod> pod;
  bool running = false;
  std::vector<pictured_container> containers; ///< those that run
  pod_footprint footprint;
};

struct node_picture {
  std::string node;
  int64_t time = 0;       ///< nanoseconds since the epoch
  int64_t started_at = 0; ///< of the machine; 0: not known
  int64_t cores = 0;
  host_usage host;
  uint64_t cpu_rate = 0;
  std::map<std::string, node_supply> supplies;
  std::map<std::string, pictured_pod> pods; ///< by uid; all that are bound here
};

/// /stats/summary: the Summary of kubelet's stats API, v1alpha1.
std::string stats_summary(const node_picture& p);
/// /metrics/resource, /metrics/cadvisor and /metrics, as Prometheus' text.
std::string resource_metrics(const node_picture& p);
std::string container_metrics(const node_picture& p);
std::string kubelet_metrics(const node_picture& p);
/// /runningpods/: a PodList of what runs, as far as the runtime knows it.
std::string running_pods(const node_picture& p);

} // namespace thespis::actors
