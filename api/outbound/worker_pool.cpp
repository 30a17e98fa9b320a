#include "api/outbound/worker_pool.hpp"

namespace thespis::api::outbound {

worker_pool::worker_pool(size_t threads, size_t max_waiting)
    : max_threads_(threads), max_waiting_(max_waiting) {}

worker_pool::~worker_pool() {
  stop();
}

void worker_pool::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& t : threads_)
    t.join();
  threads_.clear();
}

bool worker_pool::post(std::function<void()> job) {
  const std::lock_guard lock{mutex_};
  if (stopping_ || waiting_.size() >= max_waiting_)
    return false;
  waiting_.push_back(std::move(job));
  if (idle_ < waiting_.size() && threads_.size() < max_threads_)
    threads_.emplace_back([this] { run(); });
  else
    wake_.notify_one();
  return true;
}

void worker_pool::run() {
  std::unique_lock lock{mutex_};
  while (true) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    --idle_;
    if (waiting_.empty())
      return;
    auto job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

} // namespace thespis::api::outbound
