// Threads for work that blocks, so that neither actors nor I/O threads have to.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace thespis::api::outbound {

/// A bounded number of threads and a bounded queue before them. Threads start with the first job.
class worker_pool {
public:
  worker_pool(size_t threads, size_t max_waiting);
  /// Finishes what is running; what still waits is run, too, for callers count on it.
  ~worker_pool();
  worker_pool(const worker_pool&) = delete;
  worker_pool& operator=(const worker_pool&) = delete;

  /// Runs the job on some thread, as soon as one is free. False when too many are waiting: then
  /// the job is not taken. Thread-safe.
  bool post(std::function<void()> job);

  /// Waits for what is running and waiting; takes nothing after that.
  void stop();

private:
  void run();

  size_t max_threads_;
  size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool stopping_ = false;
};

} // namespace thespis::api::outbound
