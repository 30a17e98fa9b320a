#include "api/fairness/level.hpp"

#include <algorithm>
#include <cmath>

namespace thespis::api::fairness {

namespace {

/// More queues than this serve nobody: they only cost memory.
constexpr int64_t max_queues = 4096;

int64_t percent_of(int64_t whole, int64_t percent) {
  return std::llround(static_cast<double>(whole) * static_cast<double>(percent) / 100.0);
}

} // namespace

int64_t level::idle_lendable() const {
  if (limits.exempt || waiting > 0)
    return 0;
  return std::clamp<int64_t>(limits.nominal - in_use, 0, limits.lendable);
}

bool level::wait(uint64_t flow, waiter w) {
  if (queues_.empty())
    return false;
  queue* shortest = nullptr;
  for (const auto i : deal(flow, queues_.size(), limits.hand))
    if (shortest == nullptr || queues_[i].waiters.size() < shortest->waiters.size())
      shortest = &queues_[i];
  if (shortest == nullptr || shortest->waiters.size() >= limits.queue_length)
    return false;
  // Whoever was idle has no claim to the time that passed meanwhile.
  if (shortest->waiters.empty())
    shortest->virtual_start = std::max(shortest->virtual_start, virtual_now_);
  shortest->waiters.push_back(std::move(w));
  ++waiting;
  return true;
}

waiter level::next() {
  queue* first = nullptr;
  for (auto& q : queues_)
    if (!q.waiters.empty() && (first == nullptr || q.virtual_start < first->virtual_start))
      first = &q;
  auto w = std::move(first->waiters.front());
  first->waiters.pop_front();
  virtual_now_ = first->virtual_start++;
  --waiting;
  return w;
}

std::optional<waiter> level::cancel(uint64_t id) {
  for (auto& q : queues_)
    for (auto i = q.waiters.begin(); i != q.waiters.end(); ++i)
      if (i->id == id) {
        auto w = std::move(*i);
        q.waiters.erase(i);
        --waiting;
        return w;
      }
  return std::nullopt;
}

void level::resize_queues() {
  const auto wanted = std::max<size_t>(limits.queues, waiting > 0 ? 1 : 0);
  // Those in queues that go move to the last that stays.
  for (size_t i = wanted; i < queues_.size(); ++i)
    for (auto& w : queues_[i].waiters)
      queues_[wanted - 1].waiters.push_back(std::move(w));
  queues_.resize(wanted);
}

std::vector<size_t> deal(uint64_t hash, size_t deck, size_t hand) {
  std::vector<size_t> cards;
  for (size_t i = 0; i < std::min(hand, deck); ++i) {
    const auto left = deck - i;
    auto card = static_cast<size_t>(hash % left);
    hash /= left;
    // The card-th of those that are left: every lower one that is gone shifts it up.
    auto sorted = cards;
    std::sort(sorted.begin(), sorted.end());
    for (const auto gone : sorted)
      if (gone <= card)
        ++card;
    cards.push_back(card);
  }
  return cards;
}

int64_t shares_of(const v1::priority_level_configuration_spec& spec) {
  if (spec.type == "Exempt")
    return spec.exempt ? spec.exempt->nominal_concurrency_shares.value_or(0) : 0;
  return spec.limited ? spec.limited->nominal_concurrency_shares.value_or(30) : 30;
}

level_limits limits_of(const v1::priority_level_configuration_spec& spec, int64_t seats,
                       int64_t sum) {
  level_limits l;
  l.nominal = sum > 0 ? (seats * shares_of(spec) + sum - 1) / sum : 0;
  if (spec.type == "Exempt") {
    l.exempt = true;
    return l;
  }
  if (!spec.limited)
    return l;
  l.lendable = percent_of(l.nominal, spec.limited->lendable_percent.value_or(0));
  if (const auto& percent = spec.limited->borrowing_limit_percent)
    l.borrowing = percent_of(l.nominal, *percent);
  const auto& response = spec.limited->limit_response;
  if (!response || response->type != "Queue" || !response->queuing)
    return l;
  const auto& q = *response->queuing;
  l.queues = static_cast<size_t>(std::clamp<int64_t>(q.queues.value_or(64), 1, max_queues));
  l.hand = static_cast<size_t>(std::clamp<int64_t>(q.hand_size.value_or(8), 1, 64));
  l.queue_length = static_cast<size_t>(std::max(1, q.queue_length_limit.value_or(50)));
  return l;
}

} // namespace thespis::api::fairness
