// Takes a node's containers, network and mounts off the machine.
#pragma once

#include "runtime/cri/containerd_process.hpp"

namespace thespis::runtime {

struct cleanup_report {
  size_t sandboxes_removed = 0;      ///< in order, through CRI
  size_t processes_killed = 0;       ///< shims and containers left over
  size_t mounts_removed = 0;         ///< left over
  std::vector<std::string> problems; ///< what could not be removed, for the user
};

/// Stops and removes all sandboxes of the data directory (starting containerd for it when that
/// does not run), ends containerd, kills what is left of its shims and containers, unmounts
/// everything below the data directory, and removes network namespaces, CNI state, nftables and
/// iptables rules, and cgroups. Images stay, unless `remove_images`. No containerd_process may
/// exist on the data directory; the options need no pod CIDR. Idempotent; blocks, for the longest
/// of the containers' stops.
cleanup_report clean_up_node(const containerd_options& options, bool remove_images = false);

/// Removes an empty cgroup (cgroupfs path such as a pod's cgroup_parent) with its empty children
/// from every hierarchy: container runtimes leave a pod's own cgroup behind.
void remove_cgroup(const std::string& cgroup);

} // namespace thespis::runtime
