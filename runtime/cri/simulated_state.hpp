// What a simulated runtime knows: sandboxes, containers, images, addresses. No time of its own, no
// threads, no callbacks. Internal to the simulated runtime.
#pragma once

#include "api/text/cidr.hpp"
#include "runtime/cri/container_runtime.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace thespis::runtime::simulated {

/// A small random generator: thousands of nodes each have one.
class random_source {
public:
  explicit random_source(uint64_t seed) : state_{seed} {}
  uint64_t next();
  /// Evenly in [0, bound]; 0 for bound 0.
  uint64_t up_to(uint64_t bound);
  /// True with that probability.
  bool chance(double probability);

private:
  uint64_t state_;
};

/// A string map in one allocation: a node of std::map costs ten times as much.
class packed_map {
public:
  packed_map() = default;
  explicit packed_map(const string_map& m);
  string_map unpack() const;
  /// Whether every pair of `wanted` is in here.
  bool contains(const string_map& wanted) const;

private:
  template <class Visit>
  void each(Visit visit) const;
  std::string bytes_; // each key and each value after its length
};

/// Addresses of a network, or of two side by side, one a family: without the first two (network and
/// gateway) and the last.
class address_pool {
public:
  /// "10.42.0.0/24" or "10.42.0.0/24,fd42::/64". False for what is no CIDR; the pool then stays as
  /// it is.
  bool set_cidr(const std::string& cidr);
  /// The number of the next free address in each network, going round; 0 when there is none.
  uint32_t take();
  void give_back(uint32_t number);
  /// The addresses of that number, in the networks' order.
  std::vector<std::string> addresses(uint32_t number) const;
  bool in_use() const { return !used_.empty(); }

private:
  static constexpr uint64_t max_size = 1 << 24;

  std::vector<api::cidr> ranges_;
  uint32_t size_ = 0; ///< of the smallest network
  uint32_t next_ = 2;
  std::set<uint32_t> used_;
};

/// A duration as Go writes it ("1m30s", "250ms", "1.5s"); nullopt when it is malformed.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// How a container behaves.
struct behaviour {
  std::optional<std::chrono::nanoseconds> exit_after;
  std::optional<std::chrono::nanoseconds> stop_after;
  int32_t exit_code = 0;
  int32_t exec_code = 0;
  std::string start_error;
};

/// From the container's annotations, then the pod's for that container, then the pod's for all.
behaviour make_behaviour(const container_config& config, const sandbox_config& sandbox);

struct sandbox {
  sandbox_metadata metadata;
  packed_map labels;
  packed_map annotations;
  namespace_options namespaces;
  unix_nanos created_at = 0;
  uint32_t address = 0; ///< its number in the pool; 0 on the host's network and once stopped
  bool ready = true;
};

struct container {
  std::string sandbox_id;
  std::string name;
  std::string image;
  std::string log_path;
  packed_map labels;
  packed_map annotations;
  uint32_t attempt = 0;
  container_state state = container_state::created;
  unix_nanos created_at = 0;
  unix_nanos started_at = 0;
  unix_nanos finished_at = 0;
  int32_t exit_code = 0;
  std::string reason;
  behaviour does;
};

sandbox_status status_of(const std::string& id, const sandbox& s, const address_pool& addresses);
sandbox_summary summary_of(const std::string& id, const sandbox& s);
container_status status_of(const std::string& id, const container& c);
container_summary summary_of(const std::string& id, const container& c);
container_stats stats_of(const std::string& id, const container& c, unix_nanos now);
image_info image_of(const std::string& reference);

bool matches(const sandbox_filter& f, const std::string& id, const sandbox& s);
bool matches(const container_filter& f, const std::string& id, const container& c);

} // namespace thespis::runtime::simulated
