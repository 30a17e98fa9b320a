// Starts the nodes of this process: the machine's own, and simulated ones.
#pragma once

#include "actors/pod/pod_actor.hpp"
#include "runtime/cri/containerd_process.hpp"
#include "runtime/cri/timer_thread.hpp"
#include "tools/cluster/node_host.hpp"

#include <memory>
#include <string>
#include <vector>

namespace thespis::tools {

/// The machine's node: containerd (ours or another's) and the node actor above it.
class local_node {
public:
  /// Starts containerd and the node actor. Blocks. `address` is the machine's own.
  /// Errors: those of containerd_process::start.
  static api::result<std::unique_ptr<local_node>>
  start(const node_host& host, const config::settings& settings, const std::string& address);
  /// Ends containerd, not the containers. The actor system must still run.
  ~local_node();

  const std::string& name() const { return name_; }

private:
  local_node() = default;

  std::string name_;
  std::unique_ptr<runtime::containerd_process> containerd_;
};

/// Nodes whose containers live in memory.
class simulated_nodes {
public:
  simulated_nodes(const node_host& host, const config::settings& settings);

private:
  runtime::timer_thread timers_;
};

/// The address of the interface that leads out, 127.0.0.1 when there is none.
std::string machine_address();

} // namespace thespis::tools
