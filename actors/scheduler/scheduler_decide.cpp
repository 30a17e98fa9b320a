// How the scheduler chooses a node for one pod.
#include "actors/scheduler/scheduler_state.hpp"
#include "actors/scheduler/scores.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

/// In large clusters enough good nodes are as good as all (Kubernetes' percentageOfNodesToScore).
size_t enough_nodes(size_t all) {
  constexpr size_t always = 100;
  if (all <= always)
    return all;
  const auto percent = std::max<size_t>(50 - std::min<size_t>(all / 125, 45), 5);
  return std::max(always, all * percent / 100);
}

/// Somebody less important is on the way out of the node already.
bool makes_room_already(const node_info& n, const pod_info& p) {
  return std::any_of(n.placed.begin(), n.placed.end(),
                     [&](const auto* q) { return q->deleting && q->info->priority < p.priority; });
}

} // namespace

verdict scheduler_state::judge(const pod_cycle& c, const node_info& n, const filter** by) const {
  for (const auto& f : all_filters()) {
    auto v = f.judge(c, n);
    if (v.fits())
      continue;
    if (by)
      *by = &f;
    return v;
  }
  return {};
}

/// Also with those that room is being made for on the node: they come first.
verdict scheduler_state::judge_beside_nominated(const pod_cycle& c, const node_info& n,
                                                const filter** by) {
  auto v = judge(c, n, by);
  if (!v.fits() || nominated_.empty())
    return v;
  std::vector<std::string> added;
  for (const auto& [uid, m] : nominated_)
    if (m.node == n.object->name() && uid != c.pod().object->uid() && !cache_.find(uid) &&
        m.info->priority >= c.pod().priority) {
      added.push_back("nominated/" + uid);
      cache_.place(added.back(), m.info, m.node);
    }
  if (added.empty())
    return v;
  v = judge(pod_cycle{cache_, c.pod()}, n, by);
  for (const auto& uid : added)
    cache_.release(uid);
  return v;
}

scheduler_state::outcome scheduler_state::look_at_nodes(const pod_cycle& c,
                                                        const std::string& nominated) {
  outcome res;
  const filter* by = nullptr;
  if (const auto* n = cache_.node(nominated); n && judge_beside_nominated(c, *n, &by).fits()) {
    res.fitting.push_back(n);
    return res;
  }
  const auto& order = cache_.order();
  const auto enough = enough_nodes(order.size());
  size_t looked = 0;
  for (; looked < order.size() && res.fitting.size() < enough; ++looked) {
    const auto& n = *order[(start_ + looked) % order.size()];
    auto v = judge_beside_nominated(c, n, &by);
    if (v.fits()) {
      res.fitting.push_back(&n);
      continue;
    }
    res.helped_by |= by->helped_by;
    if (v.final)
      res.final.insert(n.object->name());
    for (auto& reason : v.reasons)
      ++res.reasons[std::move(reason)];
  }
  // The next search begins where this one ended, so that equals take turns.
  if (!order.empty())
    start_ =
        (start_ + std::max<size_t>(looked, 1) + (looked == order.size() ? 1 : 0)) % order.size();
  return res;
}

placement scheduler_state::decide(const waiting_pod& w, uint32_t& helped_by) {
  const auto& p = *w.info;
  placement res;
  res.pod = p.object;
  helped_by = any_change;
  if (cache_.order().empty()) {
    res.message = "no nodes available to schedule pods";
    return res;
  }
  const pod_cycle cycle{cache_, p};
  const auto count = std::to_string(cache_.order().size());
  if (!cycle.claims().failure.empty()) {
    helped_by = storage_changed;
    res.message = "0/" + count + " nodes are available: " + cycle.claims().failure +
                  ". preemption: 0/" + count + " nodes are available: " + count +
                  " Preemption is not helpful for scheduling.";
    return res;
  }
  const auto nomination = nominated_.find(p.object->uid());
  const auto found =
      look_at_nodes(cycle, nomination == nominated_.end() ? "" : nomination->second.node);
  if (found.fitting.empty()) {
    helped_by = found.helped_by;
    res.message = refusal(found.reasons);
    make_room(p, found, res);
    return res;
  }
  const auto scores = score_nodes(cycle, found.fitting);
  const auto& best = *found.fitting[static_cast<size_t>(
      std::max_element(scores.begin(), scores.end()) - scores.begin())];
  res.node = best.object->name();
  if (!p.claims.empty())
    cache_.volumes.judge_node(cycle.claims(), best, &res.volumes);
  return res;
}

void scheduler_state::make_room(const pod_info& p, const outcome& o, placement& res) {
  const auto& uid = p.object->uid();
  if (p.pod->spec.preemption_policy == "Never") {
    res.message += " preemption: not eligible due to preemptionPolicy=Never.";
    return;
  }
  if (const auto i = nominated_.find(uid); i != nominated_.end())
    if (const auto* n = cache_.node(i->second.node);
        n && !o.final.contains(i->second.node) && makes_room_already(*n, p)) {
      res.message += " preemption: not eligible due to a terminating pod on the nominated node.";
      return;
    }
  auto plan = plan_preemption(cache_, p, o.final, start_, [&](const node_info& n) {
    const filter* by = nullptr;
    return judge_beside_nominated(pod_cycle{cache_, p}, n, &by).fits();
  });
  if (plan.node.empty()) {
    res.message += " " + plan.message;
    return;
  }
  res.nominated = plan.node;
  res.victims = std::move(plan.victims);
  // Room that was being made for less important ones there may be gone now.
  std::vector<std::string> over;
  for (const auto& [other, m] : nominated_)
    if (other != uid && m.node == plan.node && m.info->priority < p.priority) {
      over.push_back(other);
      res.outranked.push_back(m.info->object);
    }
  for (const auto& other : over)
    nominated_.erase(other);
  nominated_[uid] = {std::make_shared<pod_info>(p), plan.node};
}

std::string scheduler_state::refusal(const std::map<std::string, int>& reasons) const {
  std::vector<std::string> parts;
  for (const auto& [reason, count] : reasons)
    parts.push_back(std::to_string(count) + " " + reason);
  std::sort(parts.begin(), parts.end());
  std::string res = "0/" + std::to_string(cache_.order().size()) + " nodes are available: ";
  for (size_t i = 0; i < parts.size(); ++i)
    res += (i ? ", " : "") + parts[i];
  return res + ".";
}

} // namespace thespis::actors
