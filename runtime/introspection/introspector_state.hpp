// What an introspector works out from the records of its process: lists, windows, what is wrong.
#pragma once

#include "runtime/introspection.hpp"
#include "runtime/introspection/introspector_interface.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace thespis::runtime {

/// The actors that match, in order. Without a filter the records of those that the limit cuts are
/// not copied.
actor_rows select_actors(const introspection_table& table, const actor_query& q,
                         const actor_filter& filter);

/// All actors' counters at one time: what is cheap to take.
class counter_sample {
public:
  struct row {
    uint64_t id = 0;
    uint64_t handled = 0;
    uint64_t busy_ns = 0;
    uint64_t mailbox = 0;
    uint64_t waits = 0;
    bool running = false;
  };
  /// What became of an actor between two samples.
  struct change {
    record_ptr record;
    row before; ///< zeros for one that was born meanwhile
    row after;
    bool was_there = false;
  };

  explicit counter_sample(const introspection_table& table);
  /// Nanoseconds of the steady clock.
  uint64_t at() const { return at_; }
  /// Calls `f(const change&)` for each living actor. `f` must not call the table.
  template <class F>
  void compare(const introspection_table& table, F f) const {
    for (size_t p = 0; p < introspection_table::parts; ++p) {
      size_t next = 0;
      table.visit(p, [&](const record_ptr& r) {
        change c{r, {}, row_of(*r), false};
        if (const auto* old = find(p, r->id(), next)) {
          c.before = *old;
          c.was_there = true;
        }
        f(c);
      });
    }
  }

private:
  static row row_of(const actor_record& r) {
    return {r.id(), r.handled(), r.busy_ns(), r.mailbox(), r.waits(), r.running()};
  }
  /// The order of a part seldom changes, so the wanted row is most often the next one.
  const row* find(size_t part, uint64_t id, size_t& next) const;

  uint64_t at_;
  std::array<std::vector<row>, introspection_table::parts> rows_;
};

/// What happened since the sample.
actor_rows rows_since(const counter_sample& before, const introspection_table& table,
                      const actor_filter& filter, size_t limit);

/// Actors that are in one message all the time, do nothing but work, or get more than they handle.
/// `self`, who asks, is none of them.
std::vector<finding> findings_since(const counter_sample& before, const introspection_table& table,
                                    uint64_t self);

/// Actors that waited for an answer at both times.
std::vector<record_ptr> waiting_since(const counter_sample& before,
                                      const introspection_table& table, size_t limit);

/// One who waits for another; `who` and `on` name actors uniquely.
struct wait_edge {
  std::string who;
  std::string on;
};
/// Rings of actors that wait for one another, each named once.
std::vector<std::vector<std::string>> rings_of(const std::vector<wait_edge>& waits);

} // namespace thespis::runtime
