// Turns what actors have to tell into core v1 Events; the same news again only counts up.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "runtime/environment.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace thespis::actors {

/// Not thread-safe. Remembers the last events so that a repeated one becomes a patch of its count,
/// and lets no object be talked about too much: each has a bucket of tokens, an event takes one.
class event_recorder {
public:
  /// `component` is the source that `kubectl describe` shows: "deployment-controller".
  event_recorder(std::string component, std::shared_ptr<runtime::random_port> random,
                 std::string host = {})
      : component_(std::move(component)), host_(std::move(host)), random_(std::move(random)) {}

  /// So many events about one object at once, and one more each `refill` (Kubernetes' spam filter).
  static constexpr double burst = 25;
  static constexpr std::chrono::seconds refill{300};

  /// The call that records the note: a new Event, or the count of a known one. Nothing when the
  /// object has been talked about too much.
  std::optional<api::call> record(const event_note& note, wall_time now);

private:
  struct known {
    uint64_t suffix = 0; ///< of the Event's name
    int32_t count = 1;
    wall_time last;
  };
  struct bucket {
    double tokens = burst;
    wall_time at;
  };
  static constexpr size_t remembered = 4096;

  bool take_token(const std::string& uid, wall_time now);

  const std::string component_;
  const std::string host_;
  std::shared_ptr<runtime::random_port> random_;
  // By a hash of all that makes an event the same: the texts would be most of an idle node's
  // memory.
  std::unordered_map<size_t, known> known_;
  std::deque<size_t> order_;
  std::unordered_map<size_t, bucket> buckets_; ///< by a hash of the uid
};

} // namespace thespis::actors
