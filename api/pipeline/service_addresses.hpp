// Cluster IP addresses and node ports of Services: unique in the cluster, chosen from the snapshot
// of all Services and from what writes under way have been given.
#pragma once

#include "api/pipeline/pipeline.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace thespis::api {

/// Thread-safe. A claim holds until its write shows in the snapshot, or for `claim_life`: a write
/// that fails gives its claim back by that.
class service_addresses {
public:
  static constexpr std::chrono::seconds claim_life{10};

  explicit service_addresses(const pipeline_deps& deps);

  /// Takes note of the Services there are now. To be called before one is removed, so that its
  /// claim is known to have come true and goes with it.
  void observe();

  enum class answer : uint8_t { ok, taken, outside };

  /// Claims that address for the Service `owner` ("namespace/name").
  answer claim_ip(const std::string& ip, const std::string& owner);
  /// Claims some free address; nothing when there is none. `seed` spreads the choice.
  std::optional<std::string> claim_any_ip(const std::string& owner, uint64_t seed);
  /// Claims that port for a protocol.
  answer claim_port(int port, const std::string& protocol, const std::string& owner);
  std::optional<int> claim_any_port(const std::string& protocol, const std::string& owner,
                                    uint64_t seed);

  /// The range of cluster addresses, as it was configured.
  const std::string& cidr() const { return deps_.service_cidr; }
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

  void refresh();
  void hold(uint32_t ip, const std::string& owner, holding& h);
  void hold(port_key port, const std::string& owner, holding& h);
  void release(const std::string& owner, const holding& h);
  bool is_free(uint32_t ip, const std::string& owner) const;
  bool is_free(const port_key& port, const std::string& owner) const;
  void take(uint32_t ip, const std::string& owner);
  void take(const port_key& port, const std::string& owner);

  const pipeline_deps& deps_;
  uint32_t first_ = 0; ///< first usable address of the range, host byte order
  uint32_t last_ = 0;  ///< last usable address

  std::mutex mutex_;
  uint64_t pass_ = 0;
  uint64_t revision_ = UINT64_MAX;
  std::unordered_map<std::string, holding> holdings_;
  std::unordered_map<uint32_t, std::string> ips_;
  std::map<port_key, std::string> ports_;
  std::unordered_map<uint32_t, claim> claimed_ips_;
  std::map<port_key, claim> claimed_ports_;
};

} // namespace thespis::api
