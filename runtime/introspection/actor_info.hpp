// What is told of an actor: plain values, so that a snapshot can be read where no actor runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace thespis::runtime {

/// How often an actor handled messages of one type.
struct type_count {
  std::string type;
  uint64_t count = 0;
};

/// An answer that an actor waits for.
struct awaited_answer {
  uint64_t request = 0; ///< tells requests of one actor apart
  uint64_t target = 0;  ///< the actor that was asked
  std::string machine;  ///< where that one lives; empty: here
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
  std::string last_message;        ///< handled last, or being handled
  std::vector<type_count> by_type; ///< filled only where one actor is asked for
  std::string machine;             ///< empty until somebody gathers more than one machine's
  double rate = 0;                 ///< messages a second: lately, or in the window asked for
  double busy_share = 0;           ///< 0..1 of the window; 0 where none was asked for
  bool running = false;            ///< is handling a message
  uint64_t waits = 0;              ///< answers it waits for

  /// "pod/default/web-1"; the kind alone for singletons.
  std::string full_name() const { return name.empty() ? kind : kind + "/" + name; }
  /// "machine-1/17"
  std::string address() const { return machine + "/" + std::to_string(id); }
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, type_count& x) {
  return f(x.type, x.count);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, awaited_answer& x) {
  return f(x.request, x.target, x.machine);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, actor_info& x) {
  return f(x.id, x.parent, x.kind, x.name, x.state, x.enqueued, x.handled, x.mailbox, x.busy_ns,
           x.last_message, x.by_type, x.machine, x.rate, x.busy_share, x.running, x.waits);
}

} // namespace thespis::runtime
