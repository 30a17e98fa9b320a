// What the machine's network knows of the cluster: its own node, and the others. No CAF headers.
#pragma once

#include "api/pipeline/watch.hpp"
#include "runtime/cri/peer_network.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::runtime {

/// The annotation in which a node says how VXLAN reaches it: {"vni":…,"port":…,"mac":"…"}.
inline constexpr std::string_view vxlan_annotation = "network.thespis.dev/vxlan";

std::string to_annotation(const vxlan_end& end);
/// Nothing for what is no such annotation.
std::optional<vxlan_end> from_annotation(std::string_view text);

/// Not thread-safe; owned by the network actor.
class network_state {
public:
  explicit network_state(std::string node) : node_(std::move(node)) {}

  void apply(const api::watch_event& e);
  /// Before the present state is sent anew.
  void clear();

  /// Those whose pods are behind another machine, ordered by their names.
  std::vector<network_peer> peers() const;
  /// Whether the answer of `peers` or `pod_cidrs` changed since this was asked last.
  bool take_changed() { return std::exchange(changed_, false); }
  /// This machine's pods' ranges, at most one of each family; empty while it has none.
  const std::vector<std::string>& pod_cidrs() const { return pod_cidrs_; }
  bool knows_itself() const { return known_; }
  /// What its node says of itself.
  const std::string& annotation() const { return annotation_; }
  /// The status of its condition NetworkUnavailable; empty: it has none.
  const std::string& unavailable() const { return unavailable_; }

private:
  const std::string node_;
  std::map<std::string, network_peer> peers_;
  std::vector<std::string> pod_cidrs_;
  std::string annotation_, unavailable_;
  bool known_ = false;
  bool changed_ = true;
};

} // namespace thespis::runtime
