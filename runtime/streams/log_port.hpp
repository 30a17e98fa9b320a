// A container's log as the local side of a stream.
#pragma once

#include "runtime/cri/timer_thread.hpp"
#include "runtime/streams/stream_sources.hpp"

#include <memory>
#include <mutex>

namespace thespis::runtime {

/// Timers that may go before those that use them.
class timer_gate {
public:
  /// Drops `fn` when the timers are gone.
  void schedule_after(std::chrono::nanoseconds delay, std::function<void()> fn);
  /// Waits for the function under way; not on the timers' thread.
  void shut();

private:
  std::mutex mutex_;
  std::unique_ptr<timer_thread> timers_ = std::make_unique<timer_thread>();
};

/// Reads on the timers' thread. `alive` may be null: the log ends at its end.
std::shared_ptr<stream_port> make_log_port(std::shared_ptr<timer_gate> timers, log_reader reader,
                                           stream_sources::liveness alive);

} // namespace thespis::runtime
