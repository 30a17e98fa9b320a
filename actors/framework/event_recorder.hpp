// Turns what actors have to tell into core v1 Events; the same news again only counts up.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "runtime/environment.hpp"

#include <list>
#include <map>
#include <memory>
#include <string>

namespace thespis::actors {

/// Not thread-safe. Remembers the last events so that a repeated one becomes a patch of its count.
class event_recorder {
public:
  /// `component` is the source that `kubectl describe` shows: "deployment-controller".
  event_recorder(std::string component, std::shared_ptr<runtime::random_port> random,
                 std::string host = {})
      : component_(std::move(component)), host_(std::move(host)), random_(std::move(random)) {}

  /// The call that records the note: a new Event, or the count of a known one.
  api::call record(const event_note& note, wall_time now);

private:
  struct known {
    object_id id;
    int32_t count = 1;
  };
  static constexpr size_t remembered = 4096;

  const std::string component_;
  const std::string host_;
  std::shared_ptr<runtime::random_port> random_;
  std::map<std::string, known> known_;
  std::list<std::string> order_;
};

} // namespace thespis::actors
