#include "actors/controllers/daemon_set.hpp"

#include "actors/controllers/daemon_set_nodes.hpp"
#include "actors/controllers/notes.hpp"
#include "actors/controllers/revision_history.hpp"
#include "actors/controllers/selectors.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

using api::v1::controller_revision;
using api::v1::daemon_set;
using api::v1::node;

/// So many pods are made or removed by one reconcile (Kubernetes' BurstReplicas).
constexpr size_t burst = 250;
using namespace std::chrono_literals;

bool is_finished(const api::v1::pod& p) {
  return p.status.phase == "Failed" || p.status.phase == "Succeeded";
}

bool older(const observed_pod& a, const observed_pod& b) {
  return std::tie(a->metadata.creation_timestamp, a.object->name()) <
         std::tie(b->metadata.creation_timestamp, b.object->name());
}

/// A pod is news to its set; an orphan to all whose selector matches it.
key_mapper sets_of_pod() {
  return [by_owner = owner_key(std::string{daemon_set::kind_name})](
             const api::object& o, const api::object_ptr& previous, const view& v) {
    auto res = by_owner(o, previous, v);
    if (has_controller(o) || o.meta().deleting)
      return res;
    for (const auto& s : v.list<daemon_set>(o.ns()))
      if (selector_of(s->spec.selector).matches(o.labels()))
        res.push_back({o.ns(), s.object->name()});
    return res;
  };
}

/// A node concerns all sets, but only by its labels and what may run on it.
key_mapper sets_of_node() {
  return [](const api::object& o, const api::object_ptr& previous, const view& v) {
    std::vector<object_id> res;
    const auto now = v.get<node>({}, o.name());
    if (now && previous) {
      const auto before = api::typed<node>(*previous);
      if (before->metadata.labels == now->metadata.labels &&
          before->spec.taints == now->spec.taints &&
          before->spec.unschedulable == now->spec.unschedulable)
        return res;
    }
    v.for_each(daemon_set::resource_name, {}, [&](const api::object_ptr& s) {
      res.push_back({s->ns(), s->name()});
    });
    return res;
  };
}

/// How long failed pods of a set stay on their nodes before others take their place: a node that
/// refuses a pod would refuse the next one, too.
class failure_pace {
public:
  /// Nothing: the pod may be replaced now, and the next will wait twice as long.
  std::optional<std::chrono::nanoseconds> wait(const std::string& node, wall_time now) {
    auto& e = entries_[node];
    if (now < e.last + e.delay)
      return e.last + e.delay - now;
    e.delay = e.delay == 0ns || now - e.last > 2 * longest ? first : std::min(2 * e.delay, longest);
    e.last = now;
    return std::nullopt;
  }

private:
  static constexpr std::chrono::nanoseconds first = 1s;
  static constexpr std::chrono::nanoseconds longest = 15min;
  struct entry {
    wall_time last;
    std::chrono::nanoseconds delay{};
  };
  std::map<std::string, entry> entries_;
};

/// One set and its pods at one moment.
class daemon_step {
public:
  daemon_step(observed<daemon_set> set, const view& v, wall_time now, failure_pace& failures)
      : set_(std::move(set)), view_(v), now_(now), failures_(failures) {}

  reconcile_result run();

private:
  using pods_by_node = std::map<std::string, std::vector<observed_pod>>;

  bool claim();
  void manage(const std::string& node, daemons::placement where);
  void roll();
  void update_status(int32_t collisions);
  int32_t max_unavailable() const;
  int32_t max_surge() const;
  bool is_new(const observed_pod& p) const;
  bool available(const observed_pod& p) const {
    return is_available(*p, set_->spec.min_ready_seconds.value_or(0), now_);
  }
  void replace(const observed_pod& ended, const std::string& node);
  void make_pod(const std::string& node);
  void remove(const observed_pod& p);

  observed<daemon_set> set_;
  const view& view_;
  wall_time now_;
  failure_pace& failures_;
  revision_history history_;
  std::string hash_;
  std::map<std::string, daemons::placement> nodes_;
  pods_by_node pods_;
  size_t made_ = 0;
  size_t removed_ = 0;
  reconcile_result res_;
};

bool daemon_step::is_new(const observed_pod& p) const {
  const auto* label = api::find_label(p.object->labels(), revision_label);
  return label && *label == hash_;
}

int32_t daemon_step::max_unavailable() const {
  const auto* s = set_->spec.update_strategy.get();
  if (!s || !s->rolling_update)
    return 1;
  const auto wanted = static_cast<int32_t>(nodes_.size());
  const auto most = share_of(s->rolling_update->max_unavailable, wanted, rounding::up);
  return most == 0 && max_surge() == 0 ? 1 : most;
}

int32_t daemon_step::max_surge() const {
  const auto* s = set_->spec.update_strategy.get();
  if (!s || !s->rolling_update)
    return 0;
  return share_of(s->rolling_update->max_surge, static_cast<int32_t>(nodes_.size()), rounding::up);
}

/// Sorts the pods by node. False when some change hands first.
bool daemon_step::claim() {
  const auto selector = selector_of(set_->spec.selector);
  const auto& uid = set_.object->uid();
  for (auto& p : view_.owned_by<api::v1::pod>(uid)) {
    if (!controlled_by(*p.object, uid))
      continue;
    if (selector.matches(p.object->labels()))
      pods_[daemons::node_of(*p)].push_back(std::move(p));
    else if (!p.object->meta().deleting)
      res_.calls.push_back(release_call(*p.object, uid));
  }
  if (!set_.object->meta().deleting)
    view_.for_each("pods", set_.object->ns(), [&](const api::object_ptr& o) {
      if (!has_controller(*o) && !o->meta().deleting && selector.matches(o->labels()))
        res_.calls.push_back(adopt_call(*o, controller_reference(*set_)));
    });
  return res_.calls.empty();
}

void daemon_step::make_pod(const std::string& node) {
  if (made_ == burst)
    return;
  ++made_;
  auto p = daemons::pod_for(*set_, node);
  p.metadata.labels[std::string{revision_label}] = hash_;
  p.metadata.owner_references = {controller_reference(*set_)};
  res_.calls.push_back(create_call(p));
}

void daemon_step::remove(const observed_pod& p) {
  if (p.object->meta().deleting || removed_ == burst)
    return;
  ++removed_;
  res_.calls.push_back(delete_call(*p.object));
  auto note = note_about(set_, "Normal", "SuccessfulDelete", "Deleted pod: " + p.object->name());
  note.of_call = res_.calls.size() - 1;
  res_.events.push_back(std::move(note));
}

/// Removes a pod that ended; another is made once it is gone.
void daemon_step::replace(const observed_pod& ended, const std::string& node) {
  const bool failed = ended->status.phase == "Failed";
  if (failed)
    if (const auto wait = failures_.wait(node, now_)) {
      res_.requeue_after = std::min(res_.requeue_after.value_or(*wait), *wait);
      return;
    }
  const auto where = " daemon pod " + ended.object->ns() + "/" + ended.object->name() +
                     " on node " + node + ", will try to ";
  res_.events.push_back(
      failed ? note_about(set_, "Warning", "FailedDaemonPod", "Found failed" + where + "kill it")
             : note_about(set_, "Normal", "SucceededDaemonPod",
                          "Found succeeded" + where + "delete it"));
  remove(ended);
}

/// Sees to it that a node has its pod, or none.
void daemon_step::manage(const std::string& node, daemons::placement where) {
  auto& here = pods_[node];
  std::vector<observed_pod> alive;
  for (const auto& p : here) {
    if (p.object->meta().deleting) {
      alive.push_back(p);
      continue;
    }
    if (!is_finished(*p)) {
      alive.push_back(p);
      continue;
    }
    if (where.may_stay)
      replace(p, node);
    else
      remove(p);
  }
  if (!where.may_stay) {
    for (const auto& p : alive)
      remove(p);
  } else if (alive.empty()) {
    // A pod that just ended is replaced once it is gone.
    if (where.wanted && here.empty())
      make_pod(node);
  } else {
    // Of several of one version the oldest stays; an old and a new one is a surge.
    std::stable_sort(alive.begin(), alive.end(), older);
    bool has_old = false, has_new = false;
    for (const auto& p : alive) {
      if (p.object->meta().deleting)
        continue;
      auto& seen = is_new(p) ? has_new : has_old;
      if (std::exchange(seen, true) || (max_surge() == 0 && has_old && has_new))
        remove(p);
    }
  }
  here = std::move(alive);
}

/// Replaces old pods as far as the strategy allows.
void daemon_step::roll() {
  const auto* strategy = set_->spec.update_strategy.get();
  if (strategy && strategy->type == "OnDelete")
    return;
  const auto surge = max_surge();
  int32_t unavailable = 0, surging = 0;
  std::vector<observed_pod> broken, candidates;
  std::vector<std::string> to_surge, urgent;
  for (const auto& [node, where] : nodes_) {
    observed_pod old_pod, new_pod;
    bool ending = false;
    for (const auto& p : pods_[node]) {
      ending |= p.object->meta().deleting;
      if (!p.object->meta().deleting)
        (is_new(p) ? new_pod : old_pod) = p;
    }
    if (!where.wanted)
      continue;
    if (surge == 0) {
      const bool up = (old_pod && available(old_pod)) || (new_pod && available(new_pod));
      unavailable += !up;
      if (old_pod && !new_pod && !ending)
        (available(old_pod) ? candidates : broken).push_back(old_pod);
      continue;
    }
    if (old_pod && new_pod) {
      ++surging;
      // The old one goes once the new one serves, or when it does not serve itself.
      if (available(new_pod) || !available(old_pod))
        candidates.push_back(old_pod);
    } else if (old_pod && !ending) {
      (available(old_pod) ? to_surge : urgent).push_back(node);
    }
  }
  if (surge == 0) {
    for (const auto& p : broken)
      remove(p);
    auto budget = std::max(0, max_unavailable() - unavailable);
    for (const auto& p : candidates)
      if (budget-- > 0)
        remove(p);
    return;
  }
  for (const auto& p : candidates)
    remove(p);
  for (const auto& node : urgent)
    make_pod(node);
  auto budget = std::max(0, surge - surging);
  for (const auto& node : to_surge)
    if (budget-- > 0)
      make_pod(node);
}

void daemon_step::update_status(int32_t collisions) {
  auto s = set_->status;
  s.desired_number_scheduled = s.current_number_scheduled = s.number_misscheduled = 0;
  s.number_ready = 0;
  int32_t updated = 0, up = 0;
  for (const auto& [name, where] : nodes_) {
    const auto i = pods_.find(name);
    const bool has_pod = i != pods_.end() && !i->second.empty();
    s.number_misscheduled += has_pod && !where.wanted;
    if (!where.wanted)
      continue;
    ++s.desired_number_scheduled;
    if (!has_pod)
      continue;
    ++s.current_number_scheduled;
    bool ready = false, serves = false, fresh = false;
    for (const auto& p : i->second) {
      fresh |= is_new(p);
      if (p.object->meta().deleting || !is_ready(*p))
        continue;
      ready = true;
      serves |= available(p);
      if (available(p))
        continue;
      const auto wait =
          ready_since(*p) + std::chrono::seconds{set_->spec.min_ready_seconds.value_or(0)} - now_;
      res_.requeue_after = std::min(res_.requeue_after.value_or(wait), wait);
    }
    s.number_ready += ready;
    up += serves;
    updated += fresh;
  }
  s.updated_number_scheduled = unless_zero(updated);
  s.number_available = unless_zero(up);
  s.number_unavailable = unless_zero(s.desired_number_scheduled - up);
  s.observed_generation = set_.object->meta().generation;
  s.collision_count = unless_zero(collisions);
  if (s == set_->status)
    return;
  auto changed = *set_;
  changed.status = std::move(s);
  res_.calls.push_back(update_call(changed, "status"));
}

reconcile_result daemon_step::run() {
  if (!claim())
    return std::move(res_);
  for (const auto& n : view_.list<node>())
    nodes_[n.object->name()] = daemons::place(*set_, *n);
  const auto collisions = set_->status.collision_count.value_or(0);
  history_ = history_of(
      {set_.object, controller_reference(*set_), set_->spec.template_, collisions}, view_);
  // Pods carry their version's name: it comes first.
  if (!history_.newest && !set_.object->meta().deleting) {
    res_.calls = std::move(history_.calls);
    if (history_.collided)
      update_status(collisions + 1);
    return std::move(res_);
  }
  if (history_.newest)
    hash_ = hash_of(history_.newest);
  if (!set_.object->meta().deleting) {
    for (const auto& [name, where] : nodes_)
      manage(name, where);
    // Pods of nodes that are gone are podgc's, unless they never got there.
    for (auto& [name, pods] : pods_)
      if (!nodes_.contains(name))
        for (const auto& p : pods)
          if (p->spec.node_name.empty())
            remove(p);
    if (made_ == 0)
      roll();
    std::set<std::string> used{history_.newest.object->name()};
    for (const auto& [name, pods] : pods_)
      for (const auto& p : pods)
        if (const auto* hash = api::find_label(p.object->labels(), revision_label))
          used.insert(set_.object->name() + "-" + *hash);
    for (auto& c : trim_history(history_, set_->spec.revision_history_limit, used))
      res_.calls.push_back(std::move(c));
  }
  const auto writes = res_.calls.size();
  update_status(collisions);
  if (made_ > 0)
    res_.then = [set = set_, writes](const std::vector<call_result>& results) {
      reconcile_result next;
      for (size_t i = 0; i < results.size() && i < writes; ++i) {
        const auto& r = results[i];
        const bool pod = r.ok && r.object && r.object->resource() == "pods";
        next.retry |= !r.ok && r.failure.why != api::reason::conflict &&
                      r.failure.why != api::reason::not_found;
        if (pod && !r.object->meta().deleting)
          next.events.push_back(
              note_about(set, "Normal", "SuccessfulCreate", "Created pod: " + r.object->name()));
        if (!r.ok && r.failure.why != api::reason::conflict &&
            r.failure.why != api::reason::not_found)
          next.events.push_back(
              note_about(set, "Warning", "FailedCreate", "Error creating: " + r.failure.message));
      }
      return next;
    };
  return std::move(res_);
}

class daemon_set_controller final : public reconciler {
public:
  std::string_view name() const override { return "daemonset"; }

  std::vector<watch_spec> watches() const override {
    return {{std::string{daemon_set::resource_name}, self_key()},
            {"pods", sets_of_pod()},
            {"nodes", sets_of_node()},
            {std::string{controller_revision::resource_name},
             owner_key(std::string{daemon_set::kind_name})}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    auto set = v.get<daemon_set>(key.ns, key.name);
    if (!set) {
      failures_.erase(key);
      return {};
    }
    return daemon_step{std::move(set), v, now, failures_[key]}.run();
  }

private:
  std::map<object_id, failure_pace> failures_;
};

} // namespace

std::unique_ptr<reconciler> make_daemon_set_controller() {
  return std::make_unique<daemon_set_controller>();
}

} // namespace thespis::actors
