// What a registry knows: the window of recent events of one resource, and who watches what.
// No CAF here: a watcher is a number, effects are returned.
#pragma once

#include "api/pipeline/reader.hpp"
#include "api/pipeline/watch.hpp"
#include "api/result.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace thespis::runtime {

/// One change of one object, shared by all that are told of it.
struct event {
  api::event_kind kind = api::event_kind::added;
  api::object_ref object;   ///< for `deleted` the last state, at the revision of the deletion
  api::object_ref previous; ///< null for `added`
  uint64_t revision() const { return object->revision(); }
};

/// Decides what label and field selectors select; made once a watch.
using matcher = std::function<bool(const api::object&)>;
using matcher_factory =
    std::function<api::result<matcher>(const std::string& resource, const api::selection&)>;

/// How much history a registry keeps for resuming watches.
struct window_limits {
  size_t max_events = 16384;
  size_t max_bytes = 32 << 20;
  std::chrono::seconds max_age{60};
  size_t min_events = 256; ///< kept whatever their age
};

using watcher_id = uint64_t;

/// What a watcher is sent next.
struct delivery {
  watcher_id watcher = 0;
  api::watch_events what;
};

/// Not thread-safe; owned by one registry actor.
class registry_state {
public:
  using time_point = std::chrono::steady_clock::time_point;

  registry_state(std::string resource, std::shared_ptr<const api::reader> snapshot,
                 matcher_factory matchers, window_limits limits);

  /// Starts a watch. The first delivery, if any is due, comes with it: of the present state when
  /// `from_revision` is 0, else of the window.
  /// Errors: expired when the window no longer holds what follows from_revision; bad_request for
  /// selectors that do not parse.
  api::result<std::vector<delivery>> subscribe(watcher_id id, const api::selection& what,
                                               uint64_t from_revision);
  void unsubscribe(watcher_id id);

  /// The watcher took its last delivery. Errors: expired when the window moved past it; the watch
  /// is then gone.
  api::result<std::vector<delivery>> ack(watcher_id id);

  /// An empty delivery that tells the revision, or none while another is on its way.
  std::vector<delivery> progress(watcher_id id);

  /// Takes new events in the order of their revisions; returns what is due to idle watchers.
  std::vector<delivery> publish(std::vector<event> events, time_point now);

  /// Drops events past the limits.
  void trim(time_point now);

  size_t watchers() const { return watchers_.size(); }
  size_t window_size() const { return window_.size(); }
  uint64_t head() const { return head_; }

private:
  struct entry {
    event what;
    time_point at;
    size_t bytes = 0;
  };
  struct watcher {
    api::selection what;
    matcher matches;         ///< null: the namespace, name and node decide alone
    uint64_t skip_until = 0; ///< events up to this revision are already known to the watcher
    uint64_t cursor = 0;     ///< number of the next event to look at, while not idle
    bool idle = true;        ///< has credit and has seen all events
    bool wants_progress = false;
  };

  bool selects(const watcher& w, const api::object& o) const;
  bool translate(const watcher& w, const event& e, std::vector<api::watch_event>& out) const;
  std::vector<delivery> resume(watcher_id id, watcher& w);
  void index(watcher_id id, const watcher& w, bool add);
  std::vector<watcher_id>* bucket(const watcher& w, bool create);
  template <class F>
  void for_candidates(const event& e, F f) const;
  uint64_t first_number() const { return next_number_ - window_.size(); }

  const std::string resource_;
  std::shared_ptr<const api::reader> snapshot_;
  matcher_factory matchers_;
  const window_limits limits_;

  std::deque<entry> window_;
  uint64_t next_number_ = 0; ///< events ever published; numbers the window
  size_t window_bytes_ = 0;
  uint64_t floor_ = 0; ///< all events after this revision are in the window
  uint64_t head_ = 0;  ///< revision of the newest event

  std::unordered_map<watcher_id, watcher> watchers_;
  // Every watcher is in exactly one of these, by the narrowest thing it selects.
  std::vector<watcher_id> everything_;
  std::unordered_map<std::string, std::vector<watcher_id>> by_ns_;
  std::unordered_map<std::string, std::vector<watcher_id>> by_node_;
  std::unordered_map<std::string, std::vector<watcher_id>> by_name_;
};

} // namespace thespis::runtime
