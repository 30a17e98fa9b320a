// The configuration of our own containerd, and what it depends on of the machine.
#pragma once

#include "runtime/cri/node_layout.hpp"

#include <string>

namespace thespis::runtime {

/// What of the machine decides the configuration.
struct machine_facts {
  std::string snapshotter = "overlayfs";
  bool may_lower_oom_score = true; ///< has CAP_SYS_RESOURCE
};

/// Looks at the machine: capabilities, and by trying, whether overlayfs works below the data
/// directory. Needs root.
machine_facts probe_machine(const node_layout& layout);

/// The configuration file (TOML, version 2). `cni_bin_dir` holds the CNI plugins.
std::string make_containerd_config(const node_layout& layout, const machine_facts& facts,
                                   const std::string& cni_bin_dir);

} // namespace thespis::runtime
