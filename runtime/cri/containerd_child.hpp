// Processes of containerd and its shims on this machine. Internal to the container runtime.
#pragma once

#include "api/result.hpp"
#include "runtime/cri/node_layout.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace thespis::runtime {

/// Starts containerd in a session of its own, its output appended to the layout's log. It gets
/// SIGTERM when the calling *thread* ends, and inherits no descriptor. Gives its process id.
api::result<pid_t> spawn_containerd(const node_layout& layout, const std::string& program);

/// A descriptor that becomes readable when the process ends; -1 when there is none. The caller
/// closes it.
int open_pidfd(pid_t pid);

/// The containerd processes that run on the layout's configuration.
std::vector<pid_t> find_containerd(const node_layout& layout);

/// The shims that belong to the layout's containerd.
std::vector<pid_t> find_shims(const node_layout& layout);

/// The processes whose parent is one of `parents`.
std::vector<pid_t> find_children(const std::vector<pid_t>& parents);

/// SIGTERM to each, SIGKILL after a few seconds to those left. Blocks until all are gone.
void end_processes(const std::vector<pid_t>& pids);

/// SIGKILL to each. Blocks until all are gone.
void kill_processes(const std::vector<pid_t>& pids);

/// The last lines of containerd's log, for an error message.
std::string log_tail(const node_layout& layout);

} // namespace thespis::runtime
