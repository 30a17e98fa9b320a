// The container runtime port over CRI runtime.v1: gRPC on a unix socket.
#pragma once

#include "runtime/cri/container_runtime.hpp"

#include <memory>

namespace thespis::runtime {

/// How long each group of calls may take before it fails with `timeout`.
struct cri_deadlines {
  using milliseconds = std::chrono::milliseconds;
  milliseconds query{10'000};    ///< status, lists, stats
  milliseconds change{240'000};  ///< create, start, remove: a loaded disk is slow
  milliseconds pull{1'800'000};  ///< pulling an image
  milliseconds command{120'000}; ///< exec_sync with timeout 0
};

/// A client of the CRI server (containerd, CRI-O) at that unix socket. It connects when first
/// used and reconnects by itself. Callbacks run on the client's one thread. on_exit listens to
/// containerd's event service; a server without one gives no hints.
std::unique_ptr<container_runtime> make_cri_runtime(const std::string& socket,
                                                    const cri_deadlines& deadlines = {});

} // namespace thespis::runtime
