// Delays for what waits on nothing else: bookmarks and the ends of watches.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

namespace thespis::api::rest {

/// One thread of timers on the monotonic clock. Its functions must not block.
class timers {
public:
  /// A timer that ends with its last reference. Thread-safe.
  class timer;
  using timer_ptr = std::shared_ptr<timer>;

  timers();
  ~timers();
  timers(const timers&) = delete;
  timers& operator=(const timers&) = delete;

  /// Calls `f` once after `d`, unless `cancel` was called on the result before.
  timer_ptr after(std::chrono::milliseconds d, std::function<void()> f);
  /// `f` will not be called any more, unless it runs already. Null is ignored.
  void cancel(const timer_ptr& t);
  /// Cancels all and ends the thread.
  void stop();

private:
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
};

class timers::timer {
public:
  explicit timer(boost::asio::io_context& c) : timer_(c) {}

private:
  friend class timers;
  boost::asio::steady_timer timer_;
  std::function<void()> call_; ///< only touched on the timers' thread
};

} // namespace thespis::api::rest
