#include "proxy/balance/chooser.hpp"

#include <algorithm>

namespace thespis::proxy::balance {

void chooser::set(std::vector<backend> everywhere, std::vector<backend> here,
                  std::chrono::seconds affinity) {
  everywhere_ = std::move(everywhere);
  here_ = std::move(here);
  if (affinity != affinity_)
    clients_.clear();
  affinity_ = affinity;
  for (const auto* list : {&everywhere_, &here_})
    for (const auto& b : *list)
      loads_.try_emplace(b);
  for (auto i = loads_.begin(); i != loads_.end();) {
    const auto b = (i++)->first;
    forget_if_gone(b);
  }
}

bool chooser::in_use(const backend& b) const {
  return std::binary_search(everywhere_.begin(), everywhere_.end(), b) ||
         std::binary_search(here_.begin(), here_.end(), b);
}

void chooser::forget_if_gone(const backend& b) {
  const auto i = loads_.find(b);
  if (i == loads_.end() || i->second.outstanding != 0 || in_use(b))
    return;
  if (i->second.ejected)
    --ejected_;
  loads_.erase(i);
}

bool chooser::eligible(const backend& b, time_point now) const {
  const auto& l = loads_.at(b);
  return !l.ejected || (!l.on_trial && l.back_at <= now);
}

// Of two different ones drawn from the list, or from these places of it.
size_t chooser::least_loaded_of_two(const std::vector<backend>& list,
                                    const std::vector<size_t>* only) {
  const auto n = static_cast<uint32_t>(only ? only->size() : list.size());
  const auto place = [&](uint32_t i) { return only ? (*only)[i] : size_t{i}; };
  const auto first = draw_(n);
  if (n == 1)
    return place(first);
  auto second = draw_(n - 1);
  if (second >= first)
    ++second;
  const auto a = place(first);
  const auto b = place(second);
  return loads_.at(list[b]).outstanding < loads_.at(list[a]).outstanding ? b : a;
}

size_t chooser::pick(const std::vector<backend>& list, time_point now) {
  if (ejected_ == 0)
    return least_loaded_of_two(list, nullptr);
  std::vector<size_t> left;
  for (size_t i = 0; i < list.size(); ++i) {
    if (!eligible(list[i], now))
      continue;
    // One whose time is over is tried at once, or it would stay out while nobody draws it.
    if (loads_.at(list[i]).ejected)
      return i;
    left.push_back(i);
  }
  return least_loaded_of_two(list, left.empty() ? nullptr : &left);
}

std::optional<size_t> chooser::choose(reach from, uint64_t client, time_point now) {
  advance(now);
  const auto& list = endpoints(from);
  if (list.empty())
    return std::nullopt;
  size_t place = list.size();
  if (affinity_.count() > 0)
    if (const auto last = clients_.find(client, now, affinity_)) {
      const auto i = std::lower_bound(list.begin(), list.end(), *last);
      if (i != list.end() && *i == *last && !loads_.at(*last).ejected)
        place = static_cast<size_t>(i - list.begin());
    }
  if (place == list.size())
    place = pick(list, now);
  auto& load = loads_.at(list[place]);
  ++load.chosen;
  if (load.ejected)
    load.on_trial = true;
  if (affinity_.count() > 0)
    clients_.remember(client, list[place], now);
  return place;
}

void chooser::begin(const flow& f, backend where, time_point now) {
  if (const auto i = flows_.find(f); i != flows_.end())
    end(i); // its ports are used again
  if (flows_.size() >= options_.followed_flows)
    return;
  const bool tcp = f.proto == protocol::tcp;
  flows_.emplace(f, followed_flow{where, now, !tcp});
  ++loads_[where].outstanding;
  if (tcp)
    unanswered_.emplace_back(now, f);
}

void chooser::drop_one(const backend& b) {
  if (const auto l = loads_.find(b); l != loads_.end() && l->second.outstanding > 0)
    --l->second.outstanding;
  forget_if_gone(b);
}

void chooser::end(std::unordered_map<flow, followed_flow, flow_hash>::iterator i) {
  const auto where = i->second.where;
  flows_.erase(i);
  drop_one(where);
}

void chooser::learn(const flow& f, backend where, flow_news news, time_point now) {
  const auto i = flows_.find(f);
  // An old flow of the same ports may end after its successor began elsewhere.
  const bool ours = i != flows_.end() && i->second.where == where;
  switch (news) {
  case flow_news::answered:
    if (ours)
      i->second.answered = true;
    succeeded(where);
    return;
  case flow_news::ended:
    if (f.proto != protocol::tcp) {
      datagrams_answered_ = true;
      succeeded(where);
    }
    if (ours)
      end(i);
    return;
  case flow_news::refused:
  case flow_news::unanswered:
    // What the answer limit counted before is not counted twice.
    if (f.proto == protocol::tcp ? !ours || !i->second.answered : datagrams_answered_)
      failed(where, now);
    if (ours)
      end(i);
    return;
  }
}

void chooser::advance(time_point now) {
  while (!unanswered_.empty() && unanswered_.front().first + options_.answer_limit <= now) {
    const auto [began, f] = unanswered_.front();
    unanswered_.pop_front();
    const auto i = flows_.find(f);
    if (i == flows_.end() || i->second.answered || i->second.began != began)
      continue;
    i->second.answered = true; // judged; it stays until conntrack tells its end
    failed(i->second.where, now);
  }
}

void chooser::recount(const std::vector<std::pair<flow, backend>>& open, time_point as_of) {
  std::unordered_map<flow, followed_flow, flow_hash> now_open;
  for (const auto& [f, where] : open)
    if (now_open.size() < options_.followed_flows)
      now_open.emplace(f, followed_flow{where, as_of, true});
  for (const auto& [f, known] : flows_) {
    const auto i = now_open.find(f);
    if (i == now_open.end() && known.began > as_of)
      now_open.emplace(f, known);
    else if (i != now_open.end() && known.began > as_of)
      i->second = known;
  }
  for (auto& [b, l] : loads_)
    l.outstanding = 0;
  flows_ = std::move(now_open);
  for (const auto& [f, known] : flows_)
    ++loads_[known.where].outstanding;
  for (auto i = loads_.begin(); i != loads_.end();) {
    const auto b = (i++)->first;
    forget_if_gone(b);
  }
}

void chooser::acquire(backend where) {
  ++loads_[where].outstanding;
}

void chooser::release(backend where, bool has_failed, time_point now) {
  if (has_failed)
    failed(where, now);
  else
    succeeded(where);
  drop_one(where);
}

void chooser::succeeded(const backend& b) {
  const auto i = loads_.find(b);
  if (i == loads_.end())
    return;
  auto& l = i->second;
  l.failures = 0;
  l.on_trial = false;
  if (std::exchange(l.ejected, false))
    --ejected_;
}

void chooser::failed(const backend& b, time_point now) {
  const auto i = loads_.find(b);
  if (i == loads_.end())
    return;
  auto& l = i->second;
  // Flows that began before it was ejected say nothing new.
  if (l.ejected && !l.on_trial)
    return;
  ++l.failures;
  l.on_trial = false;
  if (l.failures < options_.tolerated_failures)
    return;
  if (!std::exchange(l.ejected, true))
    ++ejected_;
  const auto doublings = std::min(l.failures - options_.tolerated_failures, 16U);
  const auto wait = options_.first_ejection * (1U << doublings);
  l.back_at = now + std::min<std::chrono::milliseconds>(wait, options_.longest_ejection);
}

} // namespace thespis::proxy::balance
