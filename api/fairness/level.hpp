// One priority level: its seats, and the queues of those who wait for one.
#pragma once

#include "api/generated/flowcontrol_v1.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace thespis::api::fairness {

struct schema_counters;

/// Somebody who waits; called once, with whether there is a seat now. Never under a lock.
struct waiter {
  uint64_t id = 0;
  std::function<void(bool)> go;
  std::shared_ptr<schema_counters> counters;
};

/// What Kubernetes' limits come to in whole seats.
struct level_limits {
  bool exempt = false;
  int64_t nominal = 0;
  int64_t lendable = 0;
  int64_t borrowing = INT64_MAX; ///< how far beyond `nominal`
  size_t queues = 0;             ///< 0: nobody waits, who finds no seat is refused
  size_t hand = 0;
  size_t queue_length = 0;
};

/// Guarded by the gate's mutex but for what is const. Requests wait in the shortest of a hand of
/// queues that their sender is dealt (shuffle sharding), and leave by start-time fair queueing: of
/// the queues' heads the one with the least virtual time.
class level {
public:
  explicit level(std::string n) : name(std::move(n)) {}

  const std::string name;
  std::string uid;
  level_limits limits;
  int64_t in_use = 0;   ///< seats taken
  size_t waiting = 0;   ///< in all queues
  bool retired = false; ///< no schema leads here any more

  /// Seats that others may take now.
  int64_t idle_lendable() const;
  int64_t borrowed() const { return std::max<int64_t>(0, in_use - limits.nominal); }

  /// False when the queue that the sender's hash leads to is full.
  bool wait(uint64_t flow, waiter w);
  /// The next to be served. Requires waiting > 0.
  waiter next();
  /// Takes somebody out who has waited too long; nothing when they are not here any more.
  std::optional<waiter> cancel(uint64_t id);
  /// The queues after a change of limits; those who wait stay.
  void resize_queues();

private:
  struct queue {
    std::deque<waiter> waiters;
    uint64_t virtual_start = 0;
  };
  std::vector<queue> queues_;
  uint64_t virtual_now_ = 0;
};

/// The numbers of `hand` different queues out of `deck`, from a sender's hash.
std::vector<size_t> deal(uint64_t hash, size_t deck, size_t hand);

/// The limits of a level whose share of `seats` is what `shares` is of `sum`.
level_limits limits_of(const v1::priority_level_configuration_spec& spec, int64_t seats,
                       int64_t sum);
/// A level's shares.
int64_t shares_of(const v1::priority_level_configuration_spec& spec);

} // namespace thespis::api::fairness
