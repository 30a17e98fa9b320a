// What an introspector says: one a process, it tells of the actors there. Whoever gathers a whole
// cluster's asks every role that begins with "introspector/".
#pragma once

#include "api/error.hpp"
#include "runtime/introspection/actor_info.hpp"
#include "runtime/introspection/journal.hpp"
#include "runtime/introspection/trace.hpp"

#include <caf/typed_actor.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::runtime {

/// Asks for actors; the largest of `order` first.
struct actor_query {
  std::string filter; ///< see actor_filter
  actor_order order = actor_order::name;
  uint64_t limit = 0; ///< 0: no limit
};

/// Asks what happens in a while. Actors that did nothing are left out; the busiest come first.
struct window_query {
  std::string filter;
  uint64_t milliseconds = 1000;
  uint64_t limit = 0;
};

struct actor_rows {
  std::vector<actor_info> rows;
  uint64_t matched = 0; ///< without the limit
  uint64_t total = 0;
  double seconds = 0; ///< how long the window was; 0 without one
  bool ok = true;
  api::error failure;
};

/// How many actors of a kind there are.
struct kind_query {};
struct kind_counts {
  std::vector<type_count> kinds;
};

struct machine_query {};
struct machine_info {
  std::string name;
  std::string node; ///< CAF's own id of the process
  uint64_t pid = 0;
  uint64_t actors = 0;
  uint64_t threads = 0;
  uint64_t memory = 0; ///< bytes resident
  uint64_t up_ns = 0;
  uint64_t cpu_ns = 0; ///< that the process used so far
  uint64_t traces = 0;
  std::string log_level;
  std::vector<std::string> roles; ///< that its actors play, as its own directory has them
  std::vector<uint64_t> players;  ///< who plays them; actors of other processes are 0
};

/// Asks for all about one actor.
struct detail_query {
  uint64_t id = 0;
};
struct actor_detail {
  bool found = false;
  actor_info actor;
  std::string parent_name;
  bool answered = false; ///< it told about itself in time
  std::string described; ///< JSON
  std::vector<awaited_answer> waits;
};

struct trace_start {
  trace_wish wish;
};
struct trace_started {
  uint64_t id = 0;
  bool ok = false;
  api::error failure;
};
/// Asks for what happened since; answered as soon as something has, or after a second.
struct trace_next {
  uint64_t id = 0;
};
struct trace_stop {
  uint64_t id = 0;
};

/// Asks for what is wrong; takes as long as it says.
struct diagnose_query {
  uint64_t milliseconds = 1000;
};
struct finding {
  std::string what; ///< "stuck", "hot", "growing", "waiting"
  actor_info actor;
  std::string text;
};
struct diagnosis {
  std::vector<finding> findings;
  /// Answers that are waited for all the time that was looked, for rings across machines.
  struct wait {
    uint64_t who = 0;
    awaited_answer on;
  };
  std::vector<wait> waits;
};

/// Changes an actor, or asks it something.
struct change_actor {
  uint64_t id = 0;
  std::string verb; ///< "kill", "restart", "send", "ask"
  std::string type; ///< of the message
  std::string json; ///< its fields
};
struct actor_changed {
  bool ok = false;
  api::error failure;
  std::string actor; ///< full name
  std::string text;  ///< what happened, or the answer
};

struct set_log_level {
  std::string level; ///< empty: only tell
};
struct log_level_set {
  bool ok = false;
  api::error failure;
  std::string before, now;
};

/// Asks what is remembered about objects.
struct journal_query {
  std::vector<journal_key> objects;
};
struct journal_answer {
  std::vector<journal_entry> entries;
};

/// INTERNAL: a window is over.
struct window_over {
  uint64_t window = 0;
};
/// INTERNAL: traces whose clients are gone end.
struct trace_watch {};

// clang-format off
using introspector_handle = caf::typed_actor<
  /// Lists actors. Refuses a filter that it cannot read.
  caf::replies_to<actor_query>::with<actor_rows>,
  /// Waits for the window to pass, then lists what happened.
  caf::replies_to<window_query>::with<actor_rows>,
  /// Counts actors by kind.
  caf::replies_to<kind_query>::with<kind_counts>,
  /// Tells about the process.
  caf::replies_to<machine_query>::with<machine_info>,
  /// Tells all about one actor; asks it, but not for long.
  caf::replies_to<detail_query>::with<actor_detail>,
  /// Begins a trace.
  caf::replies_to<trace_start>::with<trace_started>,
  /// Fetches from it.
  caf::replies_to<trace_next>::with<trace_batch>,
  /// Ends it.
  caf::reacts_to<trace_stop>,
  /// Looks for actors that are stuck, hot, growing, or wait for one another.
  caf::replies_to<diagnose_query>::with<diagnosis>,
  /// Kills, restarts, tells or asks one actor.
  caf::replies_to<change_actor>::with<actor_changed>,
  /// Changes how much is logged.
  caf::replies_to<set_log_level>::with<log_level_set>,
  /// Tells what caused what.
  caf::replies_to<journal_query>::with<journal_answer>,
  /// INTERNAL
  caf::reacts_to<window_over>,
  /// INTERNAL
  caf::reacts_to<trace_watch>>;
// clang-format on

/// The role of a machine's introspector in the directory: "introspector/machine-1".
inline constexpr std::string_view introspector_prefix = "introspector/";
inline std::string introspector_role(std::string_view machine) {
  return std::string{introspector_prefix} + std::string{machine};
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, actor_query& x) {
  return f(x.filter, x.order, x.limit);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, window_query& x) {
  return f(x.filter, x.milliseconds, x.limit);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, actor_rows& x) {
  return f(x.rows, x.matched, x.total, x.seconds, x.ok, x.failure);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, kind_query&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, kind_counts& x) {
  return f(x.kinds);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, machine_query&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, machine_info& x) {
  return f(x.name, x.node, x.pid, x.actors, x.threads, x.memory, x.up_ns, x.cpu_ns, x.traces,
           x.log_level, x.roles, x.players);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, detail_query& x) {
  return f(x.id);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, actor_detail& x) {
  return f(x.found, x.actor, x.parent_name, x.answered, x.described, x.waits);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, trace_start& x) {
  return f(x.wish);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, trace_started& x) {
  return f(x.id, x.ok, x.failure);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, trace_next& x) {
  return f(x.id);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, trace_stop& x) {
  return f(x.id);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, diagnose_query& x) {
  return f(x.milliseconds);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, finding& x) {
  return f(x.what, x.actor, x.text);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, diagnosis::wait& x) {
  return f(x.who, x.on);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, diagnosis& x) {
  return f(x.findings, x.waits);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, change_actor& x) {
  return f(x.id, x.verb, x.type, x.json);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, actor_changed& x) {
  return f(x.ok, x.failure, x.actor, x.text);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, set_log_level& x) {
  return f(x.level);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, log_level_set& x) {
  return f(x.ok, x.failure, x.before, x.now);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, journal_query& x) {
  return f(x.objects);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, journal_answer& x) {
  return f(x.entries);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, window_over& x) {
  return f(x.window);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, trace_watch&) {
  return f();
}

} // namespace thespis::runtime
