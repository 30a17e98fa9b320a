#include "actors/scheduler/scheduler_state.hpp"

#include "actors/controllers/selectors.hpp"
#include "api/generated/policy_v1.hpp"
#include "api/object/typed.hpp"

#include <algorithm>

namespace thespis::actors {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::nanoseconds first_back_off = 1s;
constexpr std::chrono::nanoseconds longest_back_off = 10s;
/// A parked pod is looked at again after this long even if nothing seems to have changed.
constexpr std::chrono::nanoseconds park_limit = 5min;
/// How long volumes may take to be there (Kubernetes' bindTimeoutSeconds).
constexpr std::chrono::nanoseconds volume_limit = 10min;

std::chrono::nanoseconds back_off(int attempts) {
  return std::min(first_back_off * (int64_t{1} << std::min(std::max(attempts - 1, 0), 10)),
                  longest_back_off);
}

bool is_over(const api::v1::pod& p) {
  return p.status.phase == "Succeeded" || p.status.phase == "Failed";
}

bool may_be_over(const api::object& o) {
  return o.bytes().find("\"phase\":\"Succeeded\"") != std::string::npos ||
         o.bytes().find("\"phase\":\"Failed\"") != std::string::npos;
}

} // namespace

scheduler_state::queue_key scheduler_state::key_of(const pod_info& p) {
  return {-int64_t{p.priority}, p.object->revision(), p.object->uid()};
}

void scheduler_state::apply_node(const api::watch_event& e) {
  if (e.kind == api::event_kind::deleted) {
    cache_.remove_node(e.object->name());
    // Domains of spreading and affinity went with it.
    changes_ |= pod_gone;
  } else if (cache_.set_node(e.object)) {
    changes_ |= node_changed;
  }
}

void scheduler_state::apply_namespace(const api::watch_event& e) {
  if (e.kind == api::event_kind::deleted)
    cache_.namespaces.erase(e.object->name());
  else
    cache_.namespaces[e.object->name()] = e.object->labels();
  changes_ |= pod_placed;
}

void scheduler_state::apply_budget(const api::watch_event& e) {
  if (e.kind == api::event_kind::deleted) {
    cache_.budgets.erase(e.object->uid());
    return;
  }
  const auto b = api::typed<api::v1::pod_disruption_budget>(*e.object);
  auto& known = cache_.budgets[e.object->uid()];
  known.ns = e.object->ns();
  known.selector =
      b->spec.selector ? selector_of(*b->spec.selector) : api::label_selector::nothing();
  known.allowed = b->status.disruptions_allowed;
  known.under_way.clear();
  for (const auto& [name, since] : b->status.disrupted_pods)
    known.under_way.insert(name);
}

void scheduler_state::apply_claim(const api::watch_event& e) {
  cache_.volumes.apply_claim(e);
  changes_ |= storage_changed;
}

void scheduler_state::apply_volume(const api::watch_event& e) {
  cache_.volumes.apply_volume(e);
  changes_ |= storage_changed;
}

void scheduler_state::apply_class(const api::watch_event& e) {
  cache_.volumes.apply_class(e);
  changes_ |= storage_changed;
}

void scheduler_state::apply_pod(const api::watch_event& e) {
  const auto& uid = e.object->uid();
  if (e.kind == api::event_kind::deleted) {
    forget(uid);
    nominated_.erase(uid);
    release(uid);
  } else if (!e.object->meta().node_name.empty()) {
    apply_bound(e);
  } else if (!cache_.find(uid)) { // else assumed: the event is older than the binding
    apply_waiting(e);
  }
}

void scheduler_state::apply_bound(const api::watch_event& e) {
  const auto& o = *e.object;
  // The common case, a status change of a running pod, needs no parse of requests.
  if (auto* known = cache_.find(o.uid()); known && known->node == o.meta().node_name) {
    if (std::exchange(known->assumed, false)) {
      assumed_.erase(o.uid());
      nominated_.erase(o.uid());
      awaiting_.erase(o.uid());
      cache_.volumes.forget(o.uid());
    }
    if (may_be_over(o) && is_over(*make_pod_info(e.object).pod)) {
      release(o.uid());
      return;
    }
    if (known->deleting != o.meta().deleting || known->kind->labels != o.labels()) {
      cache_.update(*known, o);
      changes_ |= pod_placed | pod_gone;
    }
    return;
  }
  forget(o.uid());
  nominated_.erase(o.uid());
  const auto info = std::make_shared<pod_info>(make_pod_info(e.object));
  if (is_over(*info->pod))
    return;
  release(o.uid());
  cache_.place(o.uid(), info, o.meta().node_name);
  changes_ |= pod_placed;
}

void scheduler_state::apply_waiting(const api::watch_event& e) {
  const auto& uid = e.object->uid();
  auto info = std::make_shared<pod_info>(make_pod_info(e.object));
  const auto& spec = info->pod->spec;
  const auto& wanted = spec.scheduler_name.empty() ? "default-scheduler" : spec.scheduler_name;
  if (wanted != scheduler_name_ || e.object->meta().deleting || is_over(*info->pod) ||
      !spec.scheduling_gates.empty()) {
    forget(uid);
    nominated_.erase(uid);
    return;
  }
  if (const auto& node = info->pod->status.nominated_node_name; !node.empty())
    nominated_[uid] = {info, node};
  if (const auto i = parked_.find(uid); i != parked_.end()) {
    // Our own note of the failure changes the status; only another specification is news.
    const auto& old = *i->second.pod.info;
    const bool same = old.object->meta().generation == e.object->meta().generation &&
                      old.object->labels() == e.object->labels() && old.pod->spec == spec;
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

void scheduler_state::park(const std::string& uid, waiting_pod p, time now, uint32_t helped_by) {
  const auto due = now + back_off(p.attempts);
  parked_[uid] = {std::move(p), due, helped_by, false};
}

void scheduler_state::forget(const std::string& uid) {
  if (const auto i = active_keys_.find(uid); i != active_keys_.end()) {
    active_.erase(i->second);
    active_keys_.erase(i);
  }
  parked_.erase(uid);
}

void scheduler_state::release(const std::string& uid) {
  assumed_.erase(uid);
  awaiting_.erase(uid);
  cache_.volumes.forget(uid);
  if (cache_.release(uid))
    changes_ |= pod_gone;
}

void scheduler_state::note_changes() {
  const auto what = std::exchange(changes_, 0);
  if (what == 0)
    return;
  for (auto& [uid, p] : parked_)
    p.changed = p.changed || (p.helped_by & what) != 0;
}

std::optional<scheduler_state::time> scheduler_state::next_retry() {
  note_changes();
  std::optional<time> res;
  const auto consider = [&](time due) {
    if (!res || due < *res)
      res = due;
  };
  for (const auto& [uid, p] : parked_)
    consider(p.changed ? p.due : p.due + park_limit);
  for (const auto& [uid, a] : awaiting_)
    consider(a.deadline);
  return res;
}

bool scheduler_state::retry(time now) {
  note_changes();
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
    note_changes(); // what happened before this look is in it
    uint32_t helped_by = 0;
    auto p = decide(next, helped_by);
    if (p.node.empty()) {
      ++next.attempts;
      park(uid, std::move(next), now, helped_by);
    } else {
      cache_.place(uid, next.info, p.node).assumed = true;
      changes_ |= pod_placed;
      if (!p.volumes.empty()) {
        cache_.volumes.promise(uid, p.volumes);
        awaiting_[uid] = {{p.pod, p.node, {}, {}, {}, {}, {}}, now + volume_limit};
      }
      assumed_[uid] = std::move(next);
    }
    res.push_back(std::move(p));
  }
  return res;
}

std::vector<placement> scheduler_state::with_volumes(time now) {
  std::vector<placement> res;
  std::vector<std::string> failed;
  for (auto i = awaiting_.begin(); i != awaiting_.end();) {
    const auto* n = cache_.node(i->second.plan.node);
    const auto how = n ? cache_.volumes.look(i->first, *n) : volume_book::progress::failed;
    if (how == volume_book::progress::bound) {
      res.push_back(std::move(i->second.plan));
      i = awaiting_.erase(i);
      continue;
    }
    if (how == volume_book::progress::failed || i->second.deadline <= now)
      failed.push_back(i->first);
    ++i;
  }
  for (const auto& uid : failed)
    binding_failed(uid, now);
  return res;
}

void scheduler_state::binding_failed(const std::string& uid, time now) {
  const auto i = assumed_.find(uid);
  if (i == assumed_.end())
    return;
  auto again = std::move(i->second);
  ++again.attempts;
  release(uid);
  park(uid, std::move(again), now, any_change);
  parked_[uid].changed = true;
}

} // namespace thespis::actors
