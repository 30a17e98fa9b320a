// The kernel's network as a port of the network actor.
#pragma once

#include "api/outbound/worker_pool.hpp"
#include "runtime/cri/peer_network.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace thespis::runtime {

class network_port {
public:
  /// A sentence for each peer that cannot be reached.
  using answer = std::function<void(api::result<std::vector<std::string>>)>;

  virtual ~network_port() = default;
  /// How VXLAN reaches this machine; with vni 0 it does not.
  virtual vxlan_end own_end() const = 0;
  /// Brings the kernel to these peers. `pod_cidrs` are this machine's. Calls back once, on a thread
  /// of the port.
  virtual void program(std::vector<std::string> pod_cidrs, std::vector<network_peer> peers,
                       answer done) = 0;
};

/// This machine's kernel, on a thread of its own. The ranges in `options` may be empty.
std::shared_ptr<network_port> make_host_network(node_layout layout, peer_network_options options);

} // namespace thespis::runtime
