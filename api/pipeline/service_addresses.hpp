// Cluster IP addresses and node ports of Services: unique in the cluster, chosen from the snapshot
// of all Services, ServiceCIDRs and IPAddresses and from what writes under way have been given.
#pragma once

#include "api/pipeline/pipeline.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace thespis::api {

/// Thread-safe. A claim holds until its write shows in the snapshot, or for `claim_life`: a write
/// that fails gives its claim back by that. A `rehearsal` (a dry run) is told the same and claims
/// nothing.
///
/// Addresses come from the configured range and those of all ServiceCIDRs; a ServiceCIDR on its way
/// out gives no more of them, and while the one named `kubernetes` is, the configured range gives
/// none either. What an IPAddress of somebody else names is taken.
class service_addresses {
public:
  static constexpr std::chrono::seconds claim_life{10};

  explicit service_addresses(const pipeline_deps& deps);

  /// Takes note of the Services there are now. To be called before one is removed, so that its
  /// claim is known to have come true and goes with it.
  void observe();

  enum class answer : uint8_t { ok, taken, outside };

  /// Claims that address for the Service `owner` ("namespace/name").
  answer claim_ip(const std::string& ip, const std::string& owner, bool rehearsal = false);
  /// Claims some free address; nothing when there is none. `seed` spreads the choice.
  std::optional<std::string> claim_any_ip(const std::string& owner, uint64_t seed,
                                          bool rehearsal = false);
  /// Claims that port for a protocol.
  answer claim_port(int port, const std::string& protocol, const std::string& owner,
                    bool rehearsal = false);
  std::optional<int> claim_any_port(const std::string& protocol, const std::string& owner,
                                    uint64_t seed, bool rehearsal = false);

  /// The ranges of cluster addresses, as they are shown to people: "10.43.0.0/16".
  std::string ranges();
  std::string port_range() const;

private:
  using time_point = std::chrono::sys_time<std::chrono::nanoseconds>;
  struct port_key {
    int port;
    std::string protocol;
    auto operator<=>(const port_key&) const = default;
  };
  /// What one Service of the snapshot holds.
  struct holding {
    uint64_t revision = 0;
    uint64_t seen = 0;
    std::vector<uint32_t> ips;
    std::vector<port_key> ports;
  };
  struct claim {
    std::string owner;
    time_point until;
  };

  /// Usable addresses of one range, host byte order.
  struct block {
    std::string cidr;
    uint32_t first = 0;
    uint32_t last = 0;
  };

  static std::optional<block> block_of(const std::string& cidr);
  void refresh();
  void refresh_blocks();
  void refresh_reserved();
  std::optional<uint32_t> free_in(const block& b, uint64_t seed) const;
  void hold(uint32_t ip, const std::string& owner, holding& h);
  void hold(port_key port, const std::string& owner, holding& h);
  void release(const std::string& owner, const holding& h);
  bool is_free(uint32_t ip, const std::string& owner) const;
  bool is_free(const port_key& port, const std::string& owner) const;
  void take(uint32_t ip, const std::string& owner);
  void take(const port_key& port, const std::string& owner);

  const pipeline_deps& deps_;

  std::mutex mutex_;
  uint64_t pass_ = 0;
  uint64_t revision_ = UINT64_MAX;
  uint64_t blocks_revision_ = UINT64_MAX;
  uint64_t reserved_revision_ = UINT64_MAX;
  std::vector<block> blocks_;
  std::set<uint32_t> reserved_; ///< by IPAddresses that are not ours
  std::unordered_map<std::string, holding> holdings_;
  std::unordered_map<uint32_t, std::string> ips_;
  std::map<port_key, std::string> ports_;
  std::unordered_map<uint32_t, claim> claimed_ips_;
  std::map<port_key, claim> claimed_ports_;
};

} // namespace thespis::api
