// When a node runs short of something, and which pod has to go. No CAF and no I/O: readings and
// time come in, decisions go out. Words and order are kubelet's.
#pragma once

#include "actors/node/node_statistics.hpp"
#include "api/generated/core_v1_pod.hpp"
#include "api/text/threshold.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace thespis::actors {

enum class pressure_kind : uint8_t { memory, disk, pid };

/// "MemoryPressure", "DiskPressure", "PIDPressure".
std::string to_string(pressure_kind k);

struct eviction_limits {
  std::vector<api::threshold> hard; ///< none: the node never evicts
  /// A condition stays for so long after what was short is there again.
  std::chrono::milliseconds transition{std::chrono::minutes{5}};
  /// Thresholds that may be crossed for a while: `soft_grace`, by signal.
  std::vector<api::threshold> soft = {};
  std::map<std::string, std::chrono::nanoseconds> soft_grace = {};
  /// At most so long has a pod that is evicted for a soft threshold.
  std::chrono::seconds soft_pod_grace{0};
  /// How much beyond its threshold a signal has to come, once it was crossed, to be fine again.
  std::vector<api::threshold> reclaim = {};
};

/// Something of which there is too little.
struct shortage {
  std::string signal;   ///< "nodefs.available"
  std::string resource; ///< "memory", "ephemeral-storage", "inodes" or "pids"
  int64_t least = 0;
  int64_t available = 0;
  bool soft = false; ///< pods have time to end
};

/// A pod that may be evicted.
struct eviction_candidate {
  std::string uid;
  std::shared_ptr<const api::v1::pod> pod;
  const pod_footprint* usage = nullptr; ///< null: not known
};

/// Remembers when pressures were last seen.
class eviction_state {
public:
  using time = std::chrono::sys_time<std::chrono::nanoseconds>;

  explicit eviction_state(eviction_limits limits);

  /// Takes a reading; the shortages, the most urgent first.
  std::vector<shortage> observe(const std::map<std::string, node_supply>& supplies, time now);
  /// Whether the node says that it is under that pressure.
  bool under(pressure_kind k) const { return pressures_[static_cast<size_t>(k)].has_value(); }
  /// "[MemoryPressure DiskPressure]"; empty when there is none.
  std::string pressures() const;
  /// Why the node takes no such pod now, as status.message tells after the reason Evicted.
  std::optional<std::string> refuse(const api::v1::pod& pod) const;

private:
  struct watched {
    api::threshold limit;
    bool soft = false;
    std::chrono::nanoseconds grace{0};
    std::optional<api::threshold> reclaim;
    std::optional<time> crossed; ///< since when
  };

  std::vector<watched> watched_; ///< hard ones first
  const std::chrono::milliseconds transition_;
  std::array<std::optional<time>, 3> pressures_; ///< when each was seen last
};

/// Who goes first: those beyond what they asked for, then those of lower priority, then those that
/// are furthest beyond. Pods that the node needs (critical and static ones) are left out.
std::vector<eviction_candidate> rank_for_eviction(std::vector<eviction_candidate> pods,
                                                  const shortage& why);

/// status.message of an evicted pod.
std::string eviction_message(const eviction_candidate& pod, const shortage& why);

/// Why a pod that uses more of the disk than it may is evicted; nothing when it does not.
std::optional<std::string> storage_overuse(const api::v1::pod& pod, const pod_footprint& usage);

/// Whether storage_overuse has limits to hold the pod to.
bool limits_storage(const api::v1::pod_spec& spec);

/// Never evicted for the node's sake: static pods, and those of system priority.
bool is_critical(const api::v1::pod& pod);

} // namespace thespis::actors
