// Priority and fairness: who may come in now, who waits, and who is sent away.
//
// Every request is classified by the flow schemas and takes a seat of its priority level while it
// is worked on. Where all seats are taken it waits in a queue, which it shares with few others;
// where the queue is full, or nobody waits at that level, it is refused with 429. Members of
// system:masters and health probes are exempt: they pay for nothing but the classification.
#pragma once

#include "api/error.hpp"
#include "api/fairness/configuration.hpp"
#include "api/fairness/level.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace thespis::api::fairness {

/// Where a request belongs. Cheap to copy.
struct flow {
  std::shared_ptr<const schema> by;
  uint64_t hash = 0; ///< of the sender
  explicit operator bool() const { return by != nullptr; }
};

class gate;

/// A seat taken; given back once, at the latest by its destruction. Empty: nothing was taken.
class seat {
public:
  seat() = default;
  seat(std::shared_ptr<gate> of, std::shared_ptr<level> at)
      : gate_(std::move(of)), level_(std::move(at)) {}
  seat(seat&& other) noexcept : gate_(std::move(other.gate_)), level_(std::move(other.level_)) {}
  seat& operator=(seat&& other) noexcept;
  ~seat() { release(); }
  void release();

private:
  std::shared_ptr<gate> gate_;
  std::shared_ptr<level> level_;
};

/// What became of a request at the gate.
enum class admission : uint8_t { entered, waits, refused };

/// Numbers of one level, for metrics.
struct level_numbers {
  std::string name;
  int64_t nominal = 0, in_use = 0;
  size_t waiting = 0;
};
struct schema_numbers {
  std::string schema, level;
  uint64_t dispatched = 0, queue_full = 0, no_seat = 0, timed_out = 0;
};

/// Thread-safe. Nothing is called under its lock.
class gate : public std::enable_shared_from_this<gate> {
public:
  /// `seats`: requests worked on at a time, of all levels together. Kubernetes' defaults hold
  /// until `configure` is called.
  static std::shared_ptr<gate> make(int64_t seats);

  /// Follows the cluster's objects. Schemas whose level is missing lead nowhere; the mandatory
  /// objects are there also when they are not among them.
  void configure(const std::vector<v1::priority_level_configuration>& levels,
                 std::vector<v1::flow_schema> schemas);

  /// Never empty: the last schema is for everybody.
  flow classify(const auth::access_query& q) const;

  /// Takes a seat when there is one and nobody waits for it.
  bool try_enter(const flow& f, seat& got);

  using entry = std::function<void(seat)>;
  /// `entered`: `then` has been called. `waits`: it will be, from the thread of whoever leaves;
  /// `expired` instead after `expire(id)`. `refused`: neither.
  admission enter(const flow& f, entry then, std::function<void()> expired, uint64_t& id);
  /// Sends away who still waits.
  void expire(const flow& f, uint64_t id);

  std::vector<level_numbers> levels() const;
  std::vector<schema_numbers> schemas() const;

private:
  friend class seat;
  struct snapshot {
    std::vector<std::shared_ptr<const schema>> schemas; ///< by precedence, then name
  };
  explicit gate(int64_t seats) : seats_(seats) {}
  bool may_take(const level& l) const;
  void leave(level& l);
  /// Who may come in now that something changed; to be called without the lock.
  std::vector<std::pair<std::shared_ptr<level>, waiter>> admit(level* first);
  void call(std::vector<std::pair<std::shared_ptr<level>, waiter>> admitted);
  std::shared_ptr<level> level_of(const v1::priority_level_configuration& object, int64_t sum);

  const int64_t seats_;
  std::atomic<std::shared_ptr<const snapshot>> now_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<level>> levels_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<schema_counters>> counters_;
  uint64_t next_id_ = 0;
};

/// What somebody is told for whom there is no place: 429, come again in a second.
error too_many_requests();

} // namespace thespis::api::fairness
