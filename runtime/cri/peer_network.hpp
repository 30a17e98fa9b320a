// The way from this machine's pods to those of other machines: routes where the other machine is a
// neighbour, VXLAN where it is behind a router. Through iproute2.
#pragma once

#include "api/result.hpp"
#include "api/text/cidr.hpp"
#include "runtime/cri/node_layout.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace thespis::runtime {

enum class network_backend : uint8_t {
  automatic, ///< a route to neighbours, VXLAN to others
  routes,    ///< routes alone: all machines are on one subnet
  vxlan,     ///< VXLAN to all
  none,      ///< something else does it
};

/// "auto", "routes", "vxlan", "none"; anything else is automatic.
network_backend parse_network_backend(std::string_view text);

/// How VXLAN packets reach a machine.
struct vxlan_end {
  uint32_t vni = 0; ///< that the machine listens to; 0: it takes none
  uint16_t port = 0;
  std::string mac; ///< of its device

  bool operator==(const vxlan_end&) const = default;
};

/// Another machine of the cluster.
struct network_peer {
  std::string node;
  std::string address;  ///< IPv4, of the machine
  std::string pod_cidr; ///< IPv4, of its pods; empty: they have none
  vxlan_end vxlan;
  std::string address6 = {};  ///< IPv6, empty where there is none
  std::string pod_cidr6 = {}; ///< likewise

  bool operator==(const network_peer&) const = default;
};

struct peer_network_options {
  network_backend backend = network_backend::automatic;
  std::string node;
  std::string address;  ///< IPv4, of this machine
  std::string pod_cidr; ///< IPv4, of this machine's pods; empty: they have none
  uint16_t vxlan_port = 8472;
  std::string address6 = {};  ///< IPv6, empty where there is none
  std::string pod_cidr6 = {}; ///< likewise
  /// The IPv6 range of Services: a machine without a default route gets one for it, or it could not
  /// so much as send there.
  std::string service_cidr6 = {};
};

/// What this machine's device is, from its data directory and node name: two clusters beside each
/// other have different ones, and a machine the same one after a restart.
vxlan_end own_vxlan_end(const node_layout& layout, const peer_network_options& options);

/// The MTU of pods' links in bytes: `configured` if that is not 0, else what is left of the
/// machine's own for a pod's packet that may travel inside another.
int pod_link_mtu(network_backend backend, int configured);

/// What the kernel should hold, and does.
struct peer_table {
  struct route {
    std::string via; ///< empty: none is needed
    std::string device;
    bool operator==(const route&) const = default;
  };
  struct forward {
    std::string to; ///< the machine's address
    uint32_t vni = 0;
    uint16_t port = 0;
    bool operator==(const forward&) const = default;
  };
  std::map<std::string, route> routes;           ///< by range, of pods or Services
  std::map<std::string, std::string> neighbours; ///< tunnel address to MAC
  std::map<std::string, forward> forwards;       ///< by MAC

  bool operator==(const peer_table&) const = default;
};

/// An interface of this machine and its subnet.
struct machine_link {
  std::string device;
  api::cidr subnet;
};
/// Those with the machine's two addresses. No link of IPv6: its pods go through the tunnel.
struct machine_links {
  machine_link v4;
  std::optional<machine_link> v6 = {};
};

/// What the options ask for. A tunnel is between IPv4 addresses and carries both families. Peers
/// that cannot be reached that way are named in `unreachable`.
peer_table plan_peers(const peer_network_options& options, const std::string& vxlan_device,
                      const machine_links& links, const std::vector<network_peer>& peers,
                      std::vector<std::string>& unreachable);

/// The commands, for `ip -batch` and `bridge -batch`, that lead from one table to another.
struct peer_commands {
  std::string ip;
  std::string bridge;
};
peer_commands change_peers(const peer_table& from, const peer_table& to,
                           const std::string& vxlan_device, int protocol);

/// Brings the kernel to what these peers ask for, and removes what earlier calls left for others.
/// Blocks for some milliseconds. Gives a sentence for each peer that cannot be reached. Errors:
/// bad_request (the options fit no interface), internal_error with a program's words.
api::result<std::vector<std::string>> program_peers(const node_layout& layout,
                                                    const peer_network_options& options,
                                                    const std::vector<network_peer>& peers);

/// Removes the routes and the device. Idempotent. Blocks.
void tear_down_peers(const node_layout& layout);

} // namespace thespis::runtime
