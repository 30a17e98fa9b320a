// Cluster IP addresses and node ports of Services: unique in the cluster, chosen from the snapshot
// of all Services, ServiceCIDRs and IPAddresses and from what writes under way have been given.
#pragma once

#include "api/pipeline/pipeline.hpp"
#include "api/text/cidr.hpp"

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
/// Addresses come from the configured ranges and those of all ServiceCIDRs; a ServiceCIDR on its
/// way out gives no more of them, and while the one named `kubernetes` is, the configured ranges
/// give none either. What an IPAddress of somebody else names is taken.
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
  /// Claims some free address of a family ("IPv4", "IPv6"); nothing when there is none. `seed`
  /// spreads the choice.
  std::optional<std::string> claim_any_ip(std::string_view family, const std::string& owner,
                                          uint64_t seed, bool rehearsal = false);
  /// Claims that port for a protocol.
  answer claim_port(int port, const std::string& protocol, const std::string& owner,
                    bool rehearsal = false);
  std::optional<int> claim_any_port(const std::string& protocol, const std::string& owner,
                                    uint64_t seed, bool rehearsal = false);

  /// The families of the configured ranges, the primary first: one or two of "IPv4" and "IPv6".
  const std::vector<std::string>& families() const { return families_; }
  /// The ranges of cluster addresses of that one's family, as they are shown to people:
  /// "10.43.0.0/16".
  std::string ranges(const std::string& ip);
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
    std::vector<ip_address> ips;
    std::vector<port_key> ports;
  };
  struct claim {
    std::string owner;
    time_point until;
  };

  /// Usable addresses of one range, as distances from its base.
  struct block {
    std::string text;
    cidr range;
    uint64_t first = 0;
    uint64_t last = 0;

    bool holds(const ip_address& ip) const;
  };

  static std::optional<block> block_of(const std::string& text);
  void refresh();
  void refresh_blocks();
  void refresh_reserved();
  std::optional<ip_address> free_in(const block& b, uint64_t seed) const;
  void hold(const ip_address& ip, const std::string& owner, holding& h);
  void hold(port_key port, const std::string& owner, holding& h);
  void release(const std::string& owner, const holding& h);
  bool is_free(const ip_address& ip, const std::string& owner) const;
  bool is_free(const port_key& port, const std::string& owner) const;
  void take(const ip_address& ip, const std::string& owner);
  void take(const port_key& port, const std::string& owner);

  struct ip_hash {
    size_t operator()(const ip_address& ip) const;
  };

  const pipeline_deps& deps_;
  std::vector<std::string> configured_; ///< ranges
  std::vector<std::string> families_;

  std::mutex mutex_;
  uint64_t pass_ = 0;
  uint64_t revision_ = UINT64_MAX;
  uint64_t blocks_revision_ = UINT64_MAX;
  uint64_t reserved_revision_ = UINT64_MAX;
  std::vector<block> blocks_;
  std::set<ip_address> reserved_; ///< by IPAddresses that are not ours
  std::unordered_map<std::string, holding> holdings_;
  std::unordered_map<ip_address, std::string, ip_hash> ips_;
  std::map<port_key, std::string> ports_;
  std::unordered_map<ip_address, claim, ip_hash> claimed_ips_;
  std::map<port_key, claim> claimed_ports_;
};

} // namespace thespis::api
