// What nodes and pods used lately, in memory alone: what `kubectl top` shows and autoscalers act
// on.
#pragma once

#include "actors/node/usage_messages.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::actors {

/// What was used over a while.
struct usage_rate {
  uint64_t cpu_nanocores = 0;
  uint64_t memory_bytes = 0;
};

struct container_rate {
  std::string name;
  usage_rate usage;
};

struct pod_rate {
  std::string ns;
  std::string name;
  std::string uid;
  int64_t timestamp = 0;                  ///< nanoseconds since the epoch, when the window ended
  int64_t window = 0;                     ///< nanoseconds
  std::vector<container_rate> containers; ///< at least one
};

struct node_rate {
  std::string name;
  int64_t timestamp = 0;
  int64_t window = 0;
  usage_rate usage;
};

/// The last two reports of each node, as rates. A pod is told of when both have all of its
/// containers: one that was restarted in between is left out until the next. Thread-safe.
class usage_book {
public:
  void take(const std::string& node, const usage_report& report);
  /// Keeps those nodes only.
  void keep(const std::vector<std::string>& nodes);

  /// By name.
  std::vector<node_rate> nodes() const;
  /// By namespace and name; of one namespace, or of all.
  std::vector<pod_rate> pods(std::string_view ns = {}) const;
  std::optional<node_rate> node(std::string_view name) const;
  std::optional<pod_rate> pod(std::string_view ns, std::string_view name) const;

private:
  struct known_node {
    usage_report last;
    std::optional<node_rate> rate; ///< after two reports
    std::map<std::pair<std::string, std::string>, pod_rate> pods;
  };

  mutable std::mutex mutex_;
  std::map<std::string, known_node, std::less<>> nodes_;
};

} // namespace thespis::actors
