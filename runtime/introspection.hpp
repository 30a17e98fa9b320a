// The counters behind `ps`, `top` and `info`: one record an actor, kept by the base actor.
#pragma once

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

/// How often an actor handled messages of one type.
struct type_count {
  std::string type;
  uint64_t count = 0;
};

/// A moment's copy of an actor's counters.
struct actor_info {
  uint64_t id = 0;
  uint64_t parent = 0; ///< 0 for a root
  std::string kind;    ///< "scheduler", "pod"
  std::string name;    ///< "default/web-1"; empty for singletons
  std::string state;   ///< the lifecycle state the actor says it is in
  uint64_t enqueued = 0;
  uint64_t handled = 0;
  uint64_t mailbox = 0;
  uint64_t busy_ns = 0;
  std::string last_message;
  std::vector<type_count> by_type; ///< filled only by `info`
};

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
    return n < always_timed || n % timed_of == 0;
  }
  /// `nanoseconds`: what the handling took; 0 for a message that was not timed.
  void count_handled(const std::type_info* type, uint64_t nanoseconds);
  void set_state(std::string_view state);
  void set_self(caf::weak_actor_ptr self);
  caf::strong_actor_ptr self() const;

  uint64_t id() const { return id_; }
  actor_info info(bool with_types) const;

private:
  static constexpr uint64_t always_timed = 256;
  static constexpr uint64_t timed_of = 16;
  /// Actors understand fewer types than this; what comes beyond is counted as one.
  static constexpr size_t max_types = 16;

  struct type_slot {
    std::atomic<const std::type_info*> type{nullptr};
    std::atomic<uint64_t> count{0};
  };

  const uint64_t id_;
  const uint64_t parent_;
  const std::string kind_;
  const std::string name_;
  std::atomic<uint64_t> enqueued_{0};
  std::atomic<uint64_t> handled_{0};
  std::atomic<uint64_t> busy_ns_{0};
  std::atomic<const std::type_info*> last_{nullptr};
  std::array<type_slot, max_types> types_;
  mutable std::mutex mutex_; // guards what follows
  caf::weak_actor_ptr self_;
  std::string state_;
};

/// All living actors of the process that derive from the base actor.
class introspection_table {
public:
  std::shared_ptr<actor_record> add(uint64_t id, uint64_t parent, std::string kind,
                                    std::string name);
  void remove(uint64_t id);
  size_t size() const;
  std::vector<actor_info> list() const;
  std::shared_ptr<actor_record> find(uint64_t id) const;

private:
  mutable std::mutex mutex_;
  std::unordered_map<uint64_t, std::shared_ptr<actor_record>> records_;
};

/// The table of the process; made with its actor system (see actor_system.hpp).
introspection_table& introspection_of(caf::actor_system& sys);

/// The actor that runs on this thread, 0 between messages: the parent of what is spawned meanwhile.
uint64_t running_actor();

/// Marks an actor as running for the scope's life.
class running_scope {
public:
  explicit running_scope(uint64_t id);
  ~running_scope();
  running_scope(const running_scope&) = delete;
  running_scope& operator=(const running_scope&) = delete;

private:
  const uint64_t outer_;
};

/// A C++ type's name without namespaces: "publish".
std::string short_type_name(const std::type_info& type);

} // namespace thespis::runtime
