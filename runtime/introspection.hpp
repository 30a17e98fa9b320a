// The counters behind the shell: one record an actor, kept by the base actor.
#pragma once

#include "runtime/introspection/actor_info.hpp"

#include <caf/actor_control_block.hpp>
#include <caf/actor_system.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <typeindex>
#include <unordered_map>
#include <vector>

namespace thespis::runtime {

class trace_table;

/// Counters of a living actor. All but `count_enqueued` are written by the actor's thread alone, so
/// plain stores do; anyone may read.
class actor_record {
public:
  actor_record(uint64_t id, uint64_t parent, std::string kind, std::string name);

  void count_enqueued() { enqueued_.fetch_add(1, std::memory_order_relaxed); }

  /// Whether the next message's time is to be taken: of a busy actor only one in `timed_of` is, and
  /// stands for the others.
  bool next_is_timed() const {
    const auto n = handled_.load(std::memory_order_relaxed);
    return n % timed_of == 0 || n < always_timed;
  }
  void begin_handling(const std::type_info* type) {
    last_.store(type, std::memory_order_relaxed);
    running_.store(true, std::memory_order_relaxed);
  }
  /// Of a message that was not timed.
  void end_handling(const std::type_info* type) {
    running_.store(false, std::memory_order_relaxed);
    add(handled_, 1);
    auto& hot = types_[hot_];
    if (hot.type.load(std::memory_order_relaxed) == type)
      add(hot.count, 1);
    else
      count_type(type);
  }
  /// Of one that was: from `begin` to `end`, nanoseconds of the steady clock.
  void end_handling(const std::type_info* type, uint64_t begin, uint64_t end);
  void set_state(std::string_view state);
  void set_self(caf::weak_actor_ptr self);
  void set_waits(uint64_t n) { waits_.store(n, std::memory_order_relaxed); }
  caf::strong_actor_ptr self() const;

  uint64_t id() const { return id_; }
  uint64_t parent() const { return parent_; }
  const std::string& kind() const { return kind_; }
  const std::string& name() const { return name_; }
  uint64_t handled() const { return handled_.load(std::memory_order_relaxed); }
  uint64_t busy_ns() const { return busy_ns_.load(std::memory_order_relaxed); }
  uint64_t waits() const { return waits_.load(std::memory_order_relaxed); }
  bool running() const { return running_.load(std::memory_order_relaxed); }
  uint64_t mailbox() const;
  actor_info info(bool with_types) const;

private:
  static constexpr uint64_t always_timed = 256;
  static constexpr uint64_t timed_of = 32;
  /// Actors understand fewer types than this; what comes beyond is counted as one.
  static constexpr size_t max_types = 16;
  static constexpr uint64_t mark_every = 1'000'000'000; // ns

  struct type_slot {
    std::atomic<const std::type_info*> type{nullptr};
    std::atomic<uint64_t> count{0};
  };
  /// Where the count stood at some time: of two, the older tells the rate.
  struct mark {
    std::atomic<uint64_t> at{0};
    std::atomic<uint64_t> handled{0};
  };

  /// The actor's thread is the only writer: no read-modify-write is needed.
  static void add(std::atomic<uint64_t>& to, uint64_t n) {
    to.store(to.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void count_type(const std::type_info* type);
  double rate(uint64_t handled) const;

  // Written by the actor's thread; senders write another line.
  alignas(64) std::atomic<uint64_t> handled_{0};
  std::atomic<uint64_t> busy_ns_{0};
  std::atomic<const std::type_info*> last_{nullptr};
  std::atomic<uint64_t> waits_{0};
  std::atomic<bool> running_{false};
  uint32_t hot_ = 0; // the slot of the last type; the actor's thread alone uses it
  std::array<mark, 2> marks_;
  std::array<type_slot, max_types> types_;
  alignas(64) std::atomic<uint64_t> enqueued_{0};
  const uint64_t id_;
  const uint64_t parent_;
  const std::string kind_;
  const std::string name_;
  mutable std::mutex mutex_; // guards what follows
  caf::weak_actor_ptr self_;
  std::string state_;
};

using record_ptr = std::shared_ptr<actor_record>;

/// All living actors of the process that derive from the base actor.
class introspection_table {
public:
  introspection_table();
  ~introspection_table();

  record_ptr add(uint64_t id, uint64_t parent, std::string kind, std::string name);
  void remove(uint64_t id);
  size_t size() const;
  std::vector<actor_info> list() const;
  record_ptr find(uint64_t id) const;
  trace_table& traces() const { return *traces_; }

  /// Actors lie in so many parts, which are locked one after the other: whoever looks at all of
  /// them stops the birth and death of few.
  static constexpr size_t parts = 64;
  /// Calls `f(const record_ptr&)` for each actor of a part, in an order that stays while nobody
  /// comes or goes. `f` must not call the table.
  template <class F>
  void visit(size_t part, F f) const {
    const auto& p = parts_[part];
    const std::lock_guard lock{p.mutex};
    for (const auto& [id, record] : p.records)
      f(record);
  }

private:
  struct part {
    mutable std::mutex mutex;
    std::unordered_map<uint64_t, record_ptr> records;
  };
  part& of(uint64_t id) { return parts_[id % parts]; }
  const part& of(uint64_t id) const { return parts_[id % parts]; }

  std::array<part, parts> parts_;
  std::unique_ptr<trace_table> traces_;
};

/// The table of the process; made with its actor system (see actor_system.hpp).
introspection_table& introspection_of(caf::actor_system& sys);

/// Nanoseconds of the steady clock.
uint64_t steady_nanoseconds();

namespace detail {
inline thread_local uint64_t running_actor_id = 0;
}

/// The actor that runs on this thread, 0 between messages: the parent of what is spawned meanwhile.
inline uint64_t running_actor() {
  return detail::running_actor_id;
}

/// Marks an actor as running for the scope's life.
class running_scope {
public:
  explicit running_scope(uint64_t id) : outer_(detail::running_actor_id) {
    detail::running_actor_id = id;
  }
  ~running_scope() { detail::running_actor_id = outer_; }
  running_scope(const running_scope&) = delete;
  running_scope& operator=(const running_scope&) = delete;

private:
  const uint64_t outer_;
};

/// A C++ type's name without namespaces: "publish".
std::string short_type_name(const std::type_info& type);

} // namespace thespis::runtime
