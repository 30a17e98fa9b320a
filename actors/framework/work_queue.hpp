// Which keys of a controller need work, and when. One state machine a key.
#pragma once

#include "actors/framework/view.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace thespis::actors {

/// How long a key that fails waits: doubled from `first` up to `longest`.
struct back_off_limits {
  std::chrono::nanoseconds first = std::chrono::milliseconds(10);
  std::chrono::nanoseconds longest = std::chrono::minutes(5);
};

/// The life of a key in the queue:
///
///   absent ──add──> queued ──take──> running ──finish──> absent
///                     ^                 │ add
///                     │                 v
///                     └──finish── running_dirty
///
/// A key in back-off is absent (but remembered in `failures`) until its timer adds it, or a
/// change does.
enum class key_state : uint8_t { queued, running, running_dirty };

/// Not thread-safe. A key is taken by one reconcile at a time; adding it meanwhile queues it
/// again when that one finishes.
class work_queue {
public:
  explicit work_queue(back_off_limits limits = {}) : limits_(limits) {}

  void add(const object_id& key);
  /// The next key, or none.
  std::optional<object_id> take();
  /// The key's reconcile succeeded.
  void finish(const object_id& key);
  /// The key's reconcile failed: how long to wait before adding it again. A key that was added
  /// meanwhile is queued at once.
  std::chrono::nanoseconds fail(const object_id& key);

  bool empty() const { return order_.empty(); }
  size_t size() const { return order_.size(); }
  size_t running() const { return keys_.size() - order_.size(); }
  int failures(const object_id& key) const;

private:
  void leave(const object_id& key);

  const back_off_limits limits_;
  std::deque<object_id> order_;
  std::map<object_id, key_state> keys_;
  std::map<object_id, int> failures_;
};

} // namespace thespis::actors
