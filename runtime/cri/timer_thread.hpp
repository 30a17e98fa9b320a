// Real time for the simulated runtime: one thread that runs functions when they are due.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace thespis::runtime {

/// Runs functions after a delay, on one thread of its own, in order of their times (and of their
/// arrival for equal times). Thread-safe. The destructor drops what is not due, and waits for the
/// function under way; it must not run on the thread itself. A function must not throw.
class timer_thread {
public:
  timer_thread();
  ~timer_thread();
  timer_thread(const timer_thread&) = delete;
  timer_thread& operator=(const timer_thread&) = delete;

  void schedule_after(std::chrono::nanoseconds delay, std::function<void()> fn);

  /// Nanoseconds since the Unix epoch.
  static int64_t now();

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace thespis::runtime
