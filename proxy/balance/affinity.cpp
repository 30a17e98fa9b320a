#include "proxy/balance/affinity.hpp"

namespace thespis::proxy::balance {

std::optional<backend> affinity_table::find(uint64_t client, time_point now,
                                            std::chrono::seconds timeout) {
  const auto i = known_.find(client);
  if (i == known_.end() || now - i->second.used > timeout)
    return std::nullopt;
  i->second.used = now;
  return i->second.where;
}

void affinity_table::remember(uint64_t client, backend where, time_point now) {
  const auto [i, fresh] = known_.insert_or_assign(client, entry{where, now});
  if (!fresh)
    return;
  order_.push_back(client);
  if (order_.size() > capacity_) {
    known_.erase(order_.front());
    order_.pop_front();
  }
}

void affinity_table::clear() {
  known_.clear();
  order_.clear();
}

} // namespace thespis::proxy::balance
