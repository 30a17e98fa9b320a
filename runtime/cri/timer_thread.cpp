#include "runtime/cri/timer_thread.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace thespis::runtime {

namespace {

using clock = std::chrono::steady_clock;

struct entry {
  clock::time_point due;
  uint64_t order;
  std::function<void()> fn;
};

bool later(const entry& a, const entry& b) {
  return a.due != b.due ? a.due > b.due : a.order > b.order;
}

} // namespace

struct timer_thread::impl {
  void run() {
    std::unique_lock lock{mutex};
    while (!stopping) {
      if (heap.empty()) {
        changed.wait(lock);
        continue;
      }
      if (const auto due = heap.front().due; due > clock::now()) {
        changed.wait_until(lock, due);
        continue;
      }
      std::pop_heap(heap.begin(), heap.end(), later);
      const auto fn = std::move(heap.back().fn);
      heap.pop_back();
      lock.unlock();
      fn();
      lock.lock();
    }
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<entry> heap; // these three guarded by mutex
  uint64_t order = 0;
  bool stopping = false;
  std::thread worker{[this] { run(); }}; // last: it uses the members above
};

timer_thread::timer_thread() : impl_{std::make_unique<impl>()} {}

timer_thread::~timer_thread() {
  {
    const std::lock_guard lock{impl_->mutex};
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  impl_->worker.join();
}

void timer_thread::schedule_after(std::chrono::nanoseconds delay, std::function<void()> fn) {
  const auto due = clock::now() + std::chrono::duration_cast<clock::duration>(delay);
  const std::lock_guard lock{impl_->mutex};
  impl_->heap.push_back({due, impl_->order++, std::move(fn)});
  std::push_heap(impl_->heap.begin(), impl_->heap.end(), later);
  if (impl_->heap.front().due == due)
    impl_->changed.notify_one();
}

int64_t timer_thread::now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

} // namespace thespis::runtime
