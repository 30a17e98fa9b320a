// Traces: what chosen actors are told, while somebody looks. Nobody looking costs each message one
// relaxed load.
#pragma once

#include "runtime/introspection/filter.hpp"

#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace thespis::runtime {

class actor_record;

/// How many traces run in this process.
inline std::atomic<uint32_t> tracing{0};

/// A message on its way into an actor.
struct trace_event {
  uint64_t at = 0;    ///< nanoseconds: of the steady clock within a process, of the epoch outside
  std::string sender; ///< "pod/default/web-1"; empty for nobody's
  uint64_t sender_id = 0;
  std::string receiver;
  uint64_t receiver_id = 0;
  std::string type;
  std::string text;  ///< the message, cut; objects by name only, for they may hold secrets
  uint64_t size = 0; ///< bytes on the wire; 0 for what never leaves the process
  bool answer = false;
};

/// What a trace shows, and when it ends by itself. Messages match by their receiver or by their
/// sender.
struct trace_wish {
  std::string filter;    ///< see actor_filter; empty: all
  std::string type;      ///< part of a message type's name; empty: all
  uint64_t count = 0;    ///< ends after so many messages
  uint64_t rate = 0;     ///< shows at most so many a second; the others it counts
  uint64_t duration = 0; ///< nanoseconds
};

/// What happened since the last look.
struct trace_batch {
  std::vector<trace_event> events;
  uint64_t dropped = 0; ///< beyond the rate, or more than the buffer holds; since the last look
  std::string ended;    ///< why it ended; empty while it runs
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, trace_event& x) {
  return f(x.at, x.sender, x.sender_id, x.receiver, x.receiver_id, x.type, x.text, x.size,
           x.answer);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, trace_wish& x) {
  return f(x.filter, x.type, x.count, x.rate, x.duration);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, trace_batch& x) {
  return f(x.events, x.dropped, x.ended);
}

/// The running traces of a process. Thread-safe.
class trace_table {
public:
  static constexpr size_t max_traces = 8;
  static constexpr size_t max_buffered = 4096; ///< events of a trace that nobody fetched
  static constexpr size_t max_text = 400;      ///< bytes of a rendering
  /// A trace that nobody looked at for so long ends: its client is gone.
  static constexpr uint64_t patience = 5'000'000'000;

  ~trace_table();

  /// Begins a trace. Errors: bad_request for the filter, too_many_requests.
  api::result<uint64_t> start(const trace_wish& wish, uint64_t now);
  /// What happened since; a trace that ended, or that there is not, says so.
  trace_batch take(uint64_t id, uint64_t now);
  void stop(uint64_t id);
  /// Ends those whose client is gone or whose time is over. How many still run.
  size_t expire(uint64_t now);

  /// On the receiver's thread, before it handles the message.
  void note(caf::actor_system& sys, const actor_record& receiver, const caf::mailbox_element& x);

private:
  struct trace {
    trace_wish wish;
    actor_filter filter;
    std::deque<trace_event> events;
    uint64_t begun = 0;
    uint64_t looked = 0;
    uint64_t shown = 0;
    uint64_t dropped = 0;
    double tokens = 0;
    uint64_t refilled = 0;
    std::string ended;

    bool wants(uint64_t now);
    void expire(uint64_t now);
  };

  std::mutex mutex_;
  std::map<uint64_t, trace> traces_;
  uint64_t next_ = 1;
};

} // namespace thespis::runtime
