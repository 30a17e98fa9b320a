// What the kernel should hold for a set of services, as values, and the difference of two such
// states. Nothing here touches the kernel: nft_text.hpp writes these down for libnftables.
//
// The layout is a fixed number of flat maps, because the time to program a chain a service grows
// with the square of their number. A packet's way through it:
//
//   asked          address . protocol . port            -> verdict: queue the packet (mangle)
//   frontend       address . protocol . port            -> verdict: a chain, refuse or drop
//   choice         address . protocol . port . number   -> endpoint address . port
//   sticky_choice  address . protocol . port . number   -> endpoint id   (session affinity)
//   endpoint       address . protocol . port . id       -> endpoint address . port
//   hairpin        endpoint address, twice                 (pods that may call themselves)
//
// Each also exists as node_*, without the address, for node ports on every local address. All of
// this is of one address family: each has a table of its own, made alike. The only
// chains that come and go are those that draw a number below n, one for each n in use: see
// pick_chain. Numbers are 0..n-1, so the choice is exactly uniform whatever the endpoint count.
//
// Session affinity of IPv6 has no memory in the kernel: nft 1.0.6 aborts over a rule that adds to a
// map with so wide a key. The balancers remember clients; the kernel alone draws by a hash of the
// client's address, which holds while the endpoints stay the same.
#pragma once

#include "proxy/data/service_table.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace thespis::proxy {

/// What is the same for all services of a cluster.
struct data_path_options {
  /// Names the nftables tables, <table>_0 and <table>_1, of letters, digits and underscores;
  /// another one for each cluster on a machine.
  std::string table = "thespis";
  /// Ranges of all pods of the cluster. A source outside them is masqueraded on its way to a
  /// cluster address.
  std::vector<std::string> pod_cidrs;
  /// Ranges of cluster addresses; what is sent there to no service is refused.
  std::vector<std::string> service_cidrs;
  /// The packet mark bit that asks for masquerading. It lives from DNAT to SNAT of the first packet
  /// of a connection; tables may share it, as it means the same in each.
  uint32_t masquerade_mark = 0x4000;
  /// The NFQUEUE number that new flows are asked about first, as flow_queue.hpp answers them;
  /// nothing: the kernel chooses alone. Without a reader, and while the queue is full, the kernel
  /// chooses as well.
  std::optional<uint16_t> queue;
  /// The packet mark bit of a choice made there: the packet's priority is then the number of an
  /// endpoint. It lives until the endpoint is looked up.
  uint32_t choice_mark = 0x2000;
  /// Serve node ports on 127.0.0.1, which takes the sysctl net.ipv4.conf.all.route_localnet.
  /// IPv6 has nothing like it, so ::1 serves none.
  bool localhost_node_ports = true;
  /// Of the tables; data_path, which takes ranges of both, sets it for each of its two.
  ip_family family = ip_family::v4;
};

/// More endpoints of one service port than this are passed over.
inline constexpr uint32_t max_endpoints = 65535;

/// A chain that draws one of `count` endpoints. Chains are shared by all service ports alike.
struct pick_chain {
  uint16_t count = 0;
  bool node = false;             ///< for node ports: keys without the address
  bool inside = false;           ///< for sources inside the cluster, see part::inside
  bool masquerade = false;       ///< every source is masqueraded
  uint32_t affinity_seconds = 0; ///< clients are remembered so long
  bool by_client = false;        ///< the number is a hash of the client's address

  auto operator<=>(const pick_chain&) const = default;
};

/// The map an element belongs to. `asked` holds the frontends with a choice to make, where there is
/// a queue. `inside` is `frontend` for pods and the host itself where
/// externalTrafficPolicy is Local: the policy binds only what comes from outside, so they reach all
/// endpoints. Their numbers start at inside_offset.
enum class part : uint8_t { hairpin, choice, sticky_choice, endpoint, asked, frontend, inside };
inline constexpr uint32_t inside_offset = 65536;

/// Where an element is.
struct element_key {
  part in = part::frontend;
  bool node = false;
  protocol proto = protocol::tcp;
  uint16_t port = 0;
  api::ip_address address{}; ///< as made when `node`
  uint32_t extra = 0;        ///< the number or the id, where the map has one

  auto operator<=>(const element_key&) const = default;
};

/// What becomes of a packet to a frontend. `refuse` answers with a TCP reset or an ICMP error;
/// `ask` and, with session affinity, `ask_new` queue it for a choice.
enum class verdict : uint8_t { none, pick, refuse, drop, ask, ask_new };

/// What an element holds: a verdict (asked, frontend, inside), an id (sticky_choice) or an address
/// and port (choice, endpoint).
struct element_value {
  verdict what = verdict::none;
  pick_chain chain{};
  api::ip_address address{};
  uint16_t port = 0;
  uint32_t id = 0;

  auto operator<=>(const element_value&) const = default;
};

using element = std::pair<element_key, element_value>;

/// All that depends on services.
struct ruleset {
  std::map<element_key, element_value> elements;
  std::map<pick_chain, uint32_t> chains; ///< with the number of frontends that lead there, never 0

  bool operator==(const ruleset&) const = default;
};

/// UDP flows that conntrack would go on sending astray: those of one frontend that were sent to an
/// endpoint it no longer has, or, with `endpoint_address` as made, those that began before the
/// frontend was there and so were sent to no endpoint at all.
struct stale_flow {
  bool node = false; ///< any local address
  api::ip_address address{};
  uint16_t port = 0;
  api::ip_address endpoint_address{};
  uint16_t endpoint_port = 0;

  auto operator<=>(const stale_flow&) const = default;
};

/// One transaction: chains appear first and vanish last, elements are removed before they are
/// added, so that a changed value is a removal and an addition of one key.
struct batch {
  std::vector<pick_chain> add_chains;
  std::vector<element> remove;
  std::vector<element> add;
  std::vector<pick_chain> remove_chains;
  std::vector<stale_flow> stale;

  bool empty() const {
    return add_chains.empty() && remove.empty() && add.empty() && remove_chains.empty();
  }
  bool operator==(const batch&) const = default;
};

/// An endpoint's address and port.
struct backend {
  api::ip_address address{};
  uint16_t port = 0;

  auto operator<=>(const backend&) const = default;
};

/// The endpoints that a frontend of this service port chooses from, in the order of their numbers:
/// the rule is told at elements_of. `local_only`: a policy of Local applies.
std::vector<backend> usable_endpoints(const service_port& p, bool local_only);

/// The elements one service port asks for, sorted by key, each key once. Endpoints are the ready
/// ones, or when there are none those that terminate but still serve; a policy of Local looks only
/// at those of this machine. A frontend without endpoints refuses, or drops when a policy of Local
/// hides those of other machines (the rules of Kubernetes' virtual IPs page).
std::vector<element> elements_of(const service_port& p);

/// What the kernel should hold for those of these services that are of this family.
ruleset plan(const service_table& services, ip_family family = ip_family::v4);

/// What turns `from` into `to`.
batch diff(const ruleset& from, const ruleset& to);

/// The flows that a transaction with these removals and additions makes stale, sorted.
std::vector<stale_flow> stale_flows(const std::vector<element>& removed,
                                    const std::vector<element>& added);

} // namespace thespis::proxy
