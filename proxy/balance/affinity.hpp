// Which endpoint a client sticks to: session affinity ClientIP.
#pragma once

#include "proxy/data/ruleset.hpp"

#include <chrono>
#include <deque>
#include <optional>
#include <unordered_map>

namespace thespis::proxy::balance {

using time_point = std::chrono::steady_clock::time_point;

/// Remembers at most `capacity` clients; beyond it the one remembered first is forgotten. Not
/// thread-safe; time is the caller's.
class affinity_table {
public:
  explicit affinity_table(size_t capacity = 65536) : capacity_(capacity) {}

  /// The client's endpoint, unless it was last used longer than `timeout` ago. This is a use.
  std::optional<backend> find(uint64_t client, time_point now, std::chrono::seconds timeout);
  void remember(uint64_t client, backend where, time_point now);
  void clear();
  size_t size() const { return known_.size(); }

private:
  struct entry {
    backend where;
    time_point used;
  };

  size_t capacity_;
  std::unordered_map<uint64_t, entry> known_;
  std::deque<uint64_t> order_; // each known client once
};

} // namespace thespis::proxy::balance
