#include "actors/scheduler/scheduler_state.hpp"

#include "actors/scheduler/filters.hpp"

#include <algorithm>

namespace thespis::actors {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::nanoseconds first_back_off = 1s;
constexpr std::chrono::nanoseconds longest_back_off = 10s;
/// A parked pod is looked at again after this long even if nothing seems to have changed.
constexpr std::chrono::nanoseconds park_limit = 60s;

std::chrono::nanoseconds back_off(int attempts) {
  return std::min(first_back_off * (int64_t{1} << std::min(std::max(attempts - 1, 0), 10)),
                  longest_back_off);
}

/// In large clusters enough good nodes are as good as all (Kubernetes' percentageOfNodesToScore).
size_t enough_nodes(size_t all) {
  constexpr size_t always = 100;
  if (all <= always)
    return all;
  const auto percent = std::max<size_t>(50 - std::min<size_t>(all / 125, 45), 5);
  return std::max(always, all * percent / 100);
}

/// What the accounts need of a placed pod: not the pod itself, of which there are many.
std::shared_ptr<const pod_info> accounting_of(const pod_info& p) {
  auto res = std::make_shared<pod_info>();
  res->requests = p.requests;
  res->ports = p.ports;
  res->priority = p.priority;
  res->group = p.group;
  return res;
}

bool is_over(const api::v1::pod& p) {
  return p.status.phase == "Succeeded" || p.status.phase == "Failed";
}

} // namespace

scheduler_state::queue_key scheduler_state::key_of(const pod_info& p) {
  return {-int64_t{p.priority}, p.object->revision(), p.object->uid()};
}

const node_info* scheduler_state::node(const std::string& name) const {
  const auto i = nodes_.find(name);
  return i == nodes_.end() ? nullptr : &i->second;
}

void scheduler_state::apply_node(const api::watch_event& e) {
  const auto& name = e.object->name();
  if (e.kind == api::event_kind::deleted) {
    nodes_.erase(name);
    order_.erase(std::remove(order_.begin(), order_.end(), name), order_.end());
    return;
  }
  const auto [i, fresh] = nodes_.try_emplace(name);
  i->second.set_node(e.object);
  if (fresh) {
    order_.push_back(name);
    // Pods may be known before their node.
    for (const auto& [uid, p] : placed_)
      if (p.node == name)
        i->second.add(*p.info);
  }
  wake_parked();
}

void scheduler_state::apply_pod(const api::watch_event& e) {
  const auto& uid = e.object->uid();
  if (e.kind == api::event_kind::deleted) {
    forget(uid);
    release(uid);
    return;
  }
  const auto& bound = e.object->meta().node_name;
  if (!bound.empty()) {
    const auto i = placed_.find(uid);
    // The common case, a status change of a running pod, needs no parse of requests.
    if (i != placed_.end() && i->second.node == bound) {
      if (std::exchange(i->second.assumed, false))
        i->second.info = accounting_of(*i->second.info);
      if (e.object->bytes().find("\"phase\":\"Succeeded\"") != std::string::npos ||
          e.object->bytes().find("\"phase\":\"Failed\"") != std::string::npos) {
        if (is_over(*make_pod_info(e.object).pod))
          release(uid);
      }
      return;
    }
    forget(uid);
    auto info = std::make_shared<pod_info>(make_pod_info(e.object));
    if (!is_over(*info->pod))
      place(uid, std::move(info), bound);
    return;
  }
  if (placed_.contains(uid))
    return; // assumed: the event is older than the binding
  auto info = std::make_shared<pod_info>(make_pod_info(e.object));
  const auto& spec = info->pod->spec;
  const auto& wanted = spec.scheduler_name.empty() ? "default-scheduler" : spec.scheduler_name;
  if (wanted != scheduler_name_ || e.object->meta().deleting || is_over(*info->pod) ||
      !spec.scheduling_gates.empty()) {
    forget(uid);
    return;
  }
  if (const auto i = parked_.find(uid); i != parked_.end()) {
    // Our own note of the failure changes the status; only another specification is news.
    const bool same =
        i->second.pod.info->object->meta().generation == e.object->meta().generation &&
        i->second.pod.info->pod->spec == spec;
    i->second.pod.info = std::move(info);
    if (same)
      return;
    auto again = std::move(i->second.pod);
    parked_.erase(i);
    enqueue(std::move(again));
    return;
  }
  if (const auto i = active_keys_.find(uid); i != active_keys_.end()) {
    active_[i->second].info = std::move(info);
    return;
  }
  enqueue({std::move(info), 0});
}

void scheduler_state::enqueue(waiting_pod p) {
  const auto key = key_of(*p.info);
  active_keys_[p.info->object->uid()] = key;
  active_.insert_or_assign(key, std::move(p));
}

void scheduler_state::forget(const std::string& uid) {
  if (const auto i = active_keys_.find(uid); i != active_keys_.end()) {
    active_.erase(i->second);
    active_keys_.erase(i);
  }
  parked_.erase(uid);
}

void scheduler_state::place(const std::string& uid, std::shared_ptr<const pod_info> p,
                            const std::string& node) {
  release(uid);
  if (const auto i = nodes_.find(node); i != nodes_.end())
    i->second.add(*p);
  placed_[uid] = {accounting_of(*p), node, false};
}

void scheduler_state::release(const std::string& uid) {
  const auto i = placed_.find(uid);
  if (i == placed_.end())
    return;
  if (const auto n = nodes_.find(i->second.node); n != nodes_.end())
    n->second.remove(*i->second.info);
  placed_.erase(i);
  wake_parked();
}

void scheduler_state::wake_parked() {
  for (auto& [uid, p] : parked_)
    p.changed = true;
}

std::optional<scheduler_state::time> scheduler_state::next_retry() const {
  std::optional<time> res;
  for (const auto& [uid, p] : parked_) {
    const auto due = p.changed ? p.due : p.due + park_limit;
    if (!res || due < *res)
      res = due;
  }
  return res;
}

bool scheduler_state::retry(time now) {
  for (auto i = parked_.begin(); i != parked_.end();) {
    const auto due = i->second.changed ? i->second.due : i->second.due + park_limit;
    if (due > now) {
      ++i;
      continue;
    }
    enqueue(std::move(i->second.pod));
    i = parked_.erase(i);
  }
  return has_work();
}

std::vector<placement> scheduler_state::schedule(size_t limit, time now) {
  std::vector<placement> res;
  while (res.size() < limit && !active_.empty()) {
    auto next = std::move(active_.begin()->second);
    const auto uid = next.info->object->uid();
    forget(uid);
    auto p = decide(*next.info);
    if (p.node.empty()) {
      ++next.attempts;
      const auto due = now + back_off(next.attempts);
      parked_[uid] = {std::move(next), due, false};
    } else {
      place(uid, next.info, p.node);
      // Kept whole until the binding is seen: it may fail.
      placed_[uid].info = next.info;
      placed_[uid].assumed = true;
    }
    res.push_back(std::move(p));
  }
  return res;
}

void scheduler_state::binding_failed(const std::string& uid, time now) {
  const auto i = placed_.find(uid);
  if (i == placed_.end() || !i->second.assumed)
    return;
  waiting_pod again{i->second.info, 1};
  release(uid);
  parked_[uid] = {std::move(again), now + first_back_off, true};
}

placement scheduler_state::decide(const pod_info& p) {
  placement res;
  res.pod = p.object;
  std::map<std::string, int> reasons;
  const auto enough = enough_nodes(order_.size());
  const node_info* best = nullptr;
  int64_t best_score = -1;
  size_t found = 0;
  size_t looked = 0;
  for (; looked < order_.size() && found < enough; ++looked) {
    const auto& n = nodes_.at(order_[(start_ + looked) % order_.size()]);
    bool fits = true;
    for (const auto& f : all_filters()) {
      auto why = f.reasons(p, n);
      if (why.empty())
        continue;
      for (auto& reason : why)
        ++reasons[std::move(reason)];
      fits = false;
      break;
    }
    if (!fits)
      continue;
    ++found;
    int64_t total = 0;
    for (const auto& s : all_scores())
      total += s.weight * s.value(p, n);
    if (total > best_score) {
      best_score = total;
      best = &n;
    }
  }
  // The next search begins where this one ended, so that equals take turns.
  if (!order_.empty())
    start_ =
        (start_ + std::max<size_t>(looked, 1) + (looked == order_.size() ? 1 : 0)) % order_.size();
  if (best)
    res.node = best->object->name();
  else
    res.message = explain(order_.size(), reasons);
  return res;
}

std::string scheduler_state::explain(size_t nodes, const std::map<std::string, int>& reasons) {
  if (nodes == 0)
    return "no nodes available to schedule pods";
  std::vector<std::string> parts;
  for (const auto& [reason, count] : reasons)
    parts.push_back(std::to_string(count) + " " + reason);
  std::sort(parts.begin(), parts.end());
  std::string res = "0/" + std::to_string(nodes) + " nodes are available: ";
  for (size_t i = 0; i < parts.size(); ++i)
    res += (i ? ", " : "") + parts[i];
  return res + ".";
}

} // namespace thespis::actors
