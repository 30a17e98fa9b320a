// Pods that nobody will ever finish: on nodes that are gone, ended before they had a node, or kept
// in too great a number after they finished.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <chrono>
#include <memory>

namespace thespis::actors {

struct pod_garbage_deps {
  /// A node must be missing for so long before its pods are given up (Kubernetes: 40 s).
  std::chrono::nanoseconds quarantine = std::chrono::seconds{40};
  /// So many finished pods may stay.
  size_t finished_pods = 12500;
};

/// Keys are Pods, and one without a name that stands for all finished pods.
std::unique_ptr<reconciler> make_pod_garbage_collector(const pod_garbage_deps& deps = {});

} // namespace thespis::actors
