#include "actors/framework/work_queue.hpp"

#include <algorithm>

namespace thespis::actors {

void work_queue::add(const object_id& key) {
  const auto [i, fresh] = keys_.try_emplace(key, key_state::queued);
  if (fresh)
    order_.push_back(key);
  else if (i->second == key_state::running)
    i->second = key_state::running_dirty;
}

std::optional<object_id> work_queue::take() {
  if (order_.empty())
    return std::nullopt;
  auto key = std::move(order_.front());
  order_.pop_front();
  keys_[key] = key_state::running;
  return key;
}

void work_queue::leave(const object_id& key) {
  const auto i = keys_.find(key);
  if (i == keys_.end())
    return;
  switch (i->second) {
  case key_state::queued:
    break;
  case key_state::running:
    keys_.erase(i);
    break;
  case key_state::running_dirty:
    i->second = key_state::queued;
    order_.push_back(key);
    break;
  }
}

void work_queue::finish(const object_id& key) {
  failures_.erase(key);
  leave(key);
}

std::chrono::nanoseconds work_queue::fail(const object_id& key) {
  const auto n = failures_[key]++;
  leave(key);
  const auto factor = int64_t{1} << std::min(n, 30);
  // Compared before it is multiplied, which could overflow.
  return limits_.first > limits_.longest / factor ? limits_.longest : limits_.first * factor;
}

int work_queue::failures(const object_id& key) const {
  const auto i = failures_.find(key);
  return i == failures_.end() ? 0 : i->second;
}

} // namespace thespis::actors
