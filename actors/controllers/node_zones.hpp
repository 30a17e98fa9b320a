// How well the nodes of each zone are, and how fast those that are not may be emptied.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/generated/core_v1_node.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>

namespace thespis::actors {

/// Kubernetes' --node-eviction-rate and its companions.
struct eviction_pace {
  std::chrono::nanoseconds between = std::chrono::seconds{10}; ///< two nodes of one zone
  std::chrono::nanoseconds reduced = std::chrono::seconds{100};
  int large_zone = 50;        ///< with more nodes a disrupted zone is emptied at the reduced pace
  double disrupted_at = 0.55; ///< so great a share of ill nodes disrupts a zone
};

/// Zones are told apart by the labels topology.kubernetes.io/region and zone. Nodes labelled
/// node.kubernetes.io/exclude-disruption count in none, but are held to their zone's pace.
class node_zones {
public:
  explicit node_zones(const eviction_pace& pace) : pace_(pace) {}

  /// What the node says of itself. `tainted`: it is being emptied already.
  void set(const api::v1::node& n, bool ready, bool tainted);
  void remove(const std::string& node);

  /// No node of any zone is ready: the network between them and us is likelier broken than all of
  /// them are, so none is emptied.
  bool all_disrupted() const;

  /// Whether an ill node may be emptied now; the leave holds until it is ready again or all are
  /// disrupted.
  bool may_empty(const std::string& node, wall_time now);

private:
  struct zone {
    int ready = 0;
    int ill = 0;
    std::optional<wall_time> last_leave;
  };
  struct member {
    std::string zone;
    bool counts = true;
    bool ready = false;
    bool leave = false;
  };
  static bool is_disrupted(const zone& z) { return z.ready == 0 && z.ill > 0; }
  /// Nothing: no node of it may be emptied.
  std::optional<std::chrono::nanoseconds> pace_of(const zone& z) const;
  void count(const member& m, int by);

  eviction_pace pace_;
  std::map<std::string, zone> zones_;
  std::map<std::string, member> members_;
};

} // namespace thespis::actors
