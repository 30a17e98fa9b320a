#include "actors/controllers/stateful_set.hpp"

#include "actors/controllers/notes.hpp"
#include "actors/controllers/revision_history.hpp"
#include "actors/controllers/selectors.hpp"
#include "actors/controllers/stateful_set_pods.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

using api::v1::controller_revision;
using api::v1::persistent_volume_claim;
using api::v1::stateful_set;
using namespace stateful;

bool is_finished(const observed_pod& p) {
  return p->status.phase == "Failed" || p->status.phase == "Succeeded";
}

/// A pod is news to its set; an orphan to all whose selector matches it.
key_mapper sets_of_pod() {
  return [by_owner = owner_key(std::string{stateful_set::kind_name})](
             const api::object& o, const api::object_ptr& previous, const view& v) {
    auto res = by_owner(o, previous, v);
    if (has_controller(o) || o.meta().deleting)
      return res;
    for (const auto& s : v.list<stateful_set>(o.ns()))
      if (selector_of(s->spec.selector).matches(o.labels()))
        res.push_back({o.ns(), s.object->name()});
    return res;
  };
}

/// Claims are looked up only, but for two things: a pod may wait for the claim of its predecessor
/// to be gone, or for its own to change owners.
key_mapper sets_of_claim() {
  return [](const api::object& o, const api::object_ptr& previous, const view& v) {
    std::vector<object_id> res;
    const auto now = v.get<persistent_volume_claim>(o.ns(), o.name());
    if (now &&
        (!previous || api::typed<persistent_volume_claim>(*previous)->metadata.owner_references ==
                          now->metadata.owner_references))
      return res;
    for (const auto& s : v.list<stateful_set>(o.ns()))
      if (is_claim_of(*s, o.name()))
        res.push_back({o.ns(), s.object->name()});
    return res;
  };
}

/// One set and its pods at one moment.
class stateful_step {
public:
  stateful_step(observed<stateful_set> set, const view& v, wall_time now)
      : set_(std::move(set)), view_(v), now_(now) {}

  reconcile_result run();

private:
  bool claim();
  void choose_versions();
  void keep();
  bool keep_one(int32_t ordinal);
  void condemn();
  void roll();
  void make(int32_t ordinal);
  void make_claims(int32_t ordinal);
  bool has_stale_claims(int32_t ordinal) const;
  void remove(const observed_pod& p);
  bool own_claims(const observed_pod& p, int32_t ordinal, bool surplus);
  void update_status(int32_t collisions);

  bool healthy(const observed_pod& p) const { return !p.object->meta().deleting && is_ready(*p); }
  bool available(const observed_pod& p) const {
    return healthy(p) && is_available(*p, set_->spec.min_ready_seconds.value_or(0), now_);
  }
  /// Looks again when a ready pod becomes available.
  void await(const observed_pod& p);
  int32_t last() const { return first_ordinal(*set_) + replicas(*set_); }
  bool is_current(int32_t ordinal) const;

  observed<stateful_set> set_;
  const view& view_;
  wall_time now_;
  revision_history history_;
  observed_revision current_;
  std::map<int32_t, observed_pod> pods_;      ///< within the wanted range
  std::map<int32_t, observed_pod> condemned_; ///< beyond it
  bool waiting_ = false; ///< an ordered set waits for a pod: nothing more is done
  reconcile_result res_;
};

bool stateful_step::claim() {
  const auto selector = selector_of(set_->spec.selector);
  const auto& uid = set_.object->uid();
  for (auto& p : view_.owned_by<api::v1::pod>(uid)) {
    if (!controlled_by(*p.object, uid))
      continue;
    const auto ordinal = ordinal_of(*set_, p.object->name());
    if (!selector.matches(p.object->labels()) || !ordinal) {
      if (!p.object->meta().deleting)
        res_.calls.push_back(release_call(*p.object, uid));
      continue;
    }
    auto& where = *ordinal >= first_ordinal(*set_) && *ordinal < last() ? pods_ : condemned_;
    where[*ordinal] = std::move(p);
  }
  if (!set_.object->meta().deleting)
    view_.for_each("pods", set_.object->ns(), [&](const api::object_ptr& o) {
      if (!has_controller(*o) && !o->meta().deleting && selector.matches(o->labels()) &&
          ordinal_of(*set_, o->name()))
        res_.calls.push_back(adopt_call(*o, controller_reference(*set_)));
    });
  return res_.calls.empty();
}

/// The current version is the one the status names, as long as it is kept.
void stateful_step::choose_versions() {
  current_ = history_.newest;
  for (const auto& r : history_.all)
    if (r.object->name() == set_->status.current_revision)
      current_ = r;
}

/// Whether a new pod of that number is made of the current version rather than the newest.
bool stateful_step::is_current(int32_t ordinal) const {
  const auto* u = set_->spec.update_strategy.get();
  if (!is_rolling(*set_))
    return false;
  if (u && u->rolling_update)
    return ordinal < first_ordinal(*set_) + partition(*set_);
  return ordinal < first_ordinal(*set_) + set_->status.current_replicas.value_or(0);
}

void stateful_step::make_claims(int32_t ordinal) {
  for (const auto& c : claims_of(*set_, ordinal))
    if (!view_.find(persistent_volume_claim::resource_name, c.metadata.namespace_,
                    c.metadata.name)) {
      res_.calls.push_back(create_call(c));
      auto note =
          note_about(set_, "Normal", "SuccessfulCreate",
                     "create Claim " + c.metadata.name + " Pod " + pod_name(*set_, ordinal) +
                         " in StatefulSet " + set_.object->name() + " success");
      note.of_call = res_.calls.size() - 1;
      res_.events.push_back(std::move(note));
    }
}

/// Claims that go with an earlier pod of that number would take the new one's data with them.
bool stateful_step::has_stale_claims(int32_t ordinal) const {
  const auto claims = claims_of(*set_, ordinal);
  return std::any_of(claims.begin(), claims.end(), [&](const auto& c) {
    const auto known = view_.get<persistent_volume_claim>(c.metadata.namespace_, c.metadata.name);
    return known && is_stale(*known, pod_name(*set_, ordinal));
  });
}

/// Has the pod's claims go with whom the policy says. False when that is to be written first.
bool stateful_step::own_claims(const observed_pod& p, int32_t ordinal, bool surplus) {
  bool res = true;
  for (const auto& c : claims_of(*set_, ordinal)) {
    const auto known = view_.get<persistent_volume_claim>(c.metadata.namespace_, c.metadata.name);
    if (!known || known.object->meta().deleting)
      continue;
    auto changed = *known;
    if (!set_owners(*set_, *p, surplus, changed))
      continue;
    res_.calls.push_back(update_call(changed));
    res = false;
  }
  return res;
}

void stateful_step::make(int32_t ordinal) {
  if (has_stale_claims(ordinal))
    return;
  make_claims(ordinal);
  const auto& version = is_current(ordinal) ? current_ : history_.newest;
  const auto p = make_pod(*set_, template_of(*version), version.object->name(), ordinal);
  res_.calls.push_back(create_call(p));
  auto note = note_about(set_, "Normal", "SuccessfulCreate",
                         "create Pod " + p.metadata.name + " in StatefulSet " +
                             set_.object->name() + " successful");
  note.of_call = res_.calls.size() - 1;
  res_.events.push_back(std::move(note));
}

void stateful_step::remove(const observed_pod& p) {
  if (p.object->meta().deleting)
    return;
  res_.calls.push_back(delete_call(*p.object));
  auto note = note_about(set_, "Normal", "SuccessfulDelete",
                         "delete Pod " + p.object->name() + " in StatefulSet " +
                             set_.object->name() + " successful");
  note.of_call = res_.calls.size() - 1;
  res_.events.push_back(std::move(note));
}

void stateful_step::await(const observed_pod& p) {
  if (!healthy(p) || available(p))
    return;
  const auto wait =
      ready_since(*p) + std::chrono::seconds{set_->spec.min_ready_seconds.value_or(0)} - now_;
  res_.requeue_after = std::min(res_.requeue_after.value_or(wait), wait);
}

/// False when an ordered set must wait for this number before it goes on.
bool stateful_step::keep_one(int32_t ordinal) {
  const auto i = pods_.find(ordinal);
  if (i == pods_.end()) {
    make(ordinal);
    return false;
  }
  const auto& p = i->second;
  if (p.object->meta().deleting)
    return false;
  if (is_finished(p)) {
    remove(p);
    return false;
  }
  own_claims(p, ordinal, false);
  if (p->status.phase.empty() || p->status.phase == "Pending")
    make_claims(ordinal);
  if (!has_identity(*set_, *p, ordinal)) {
    auto named = make_pod(*set_, set_->spec.template_, revision_of(*p), ordinal);
    api::json::document doc;
    auto& a = doc.GetAllocator();
    doc.SetObject();
    auto& labels =
        api::json::ensure_object(api::json::ensure_object(doc, "metadata", a), "labels", a);
    for (const auto& [key, value] : named.metadata.labels)
      if (!value.empty())
        api::json::set(labels, key, value, a);
    res_.calls.push_back(
        patch_call("pods", {p.object->ns(), p.object->name()}, api::json::to_string(doc)));
  }
  await(p);
  return available(p);
}

/// Sees to it that every number has its pod.
void stateful_step::keep() {
  const bool ordered = is_ordered(*set_);
  for (auto n = first_ordinal(*set_); n < last(); ++n)
    if (!keep_one(n) && ordered) {
      waiting_ = true;
      return;
    }
}

/// Ends what is beyond the wanted range, the highest number first. An ordered set ends no pod while
/// another below it is ill: somebody may be losing data.
void stateful_step::condemn() {
  const bool ordered = is_ordered(*set_);
  if (waiting_)
    return;
  // A pod that went before its claims know whose they are would leave them behind.
  bool owned = true;
  for (const auto& [n, p] : condemned_)
    owned &= own_claims(p, n, true);
  if (!owned) {
    waiting_ = true;
    return;
  }
  const auto ill = std::find_if(condemned_.begin(), condemned_.end(),
                                [&](const auto& c) { return !healthy(c.second); });
  for (auto i = condemned_.rbegin(); i != condemned_.rend(); ++i) {
    const auto& p = i->second;
    if (p.object->meta().deleting) {
      if (ordered) {
        waiting_ = true;
        return;
      }
      continue;
    }
    if (ordered && !healthy(p) && ill->first != i->first) {
      waiting_ = true;
      return;
    }
    remove(p);
    if (ordered) {
      waiting_ = true;
      return;
    }
  }
}

/// Replaces old pods from the highest number down, as many at a time as may be missing.
void stateful_step::roll() {
  if (waiting_ || !is_rolling(*set_))
    return;
  const auto* u = set_->spec.update_strategy.get();
  int32_t most = 1;
  if (u && u->rolling_update && u->rolling_update->max_unavailable)
    most = std::max(1, share_of(u->rolling_update->max_unavailable, replicas(*set_), rounding::up));
  const auto& newest = history_.newest.object->name();
  auto missing = replicas(*set_) - static_cast<int32_t>(pods_.size());
  for (const auto& [ordinal, p] : pods_)
    missing += !available(p);
  for (auto n = last() - 1; n >= first_ordinal(*set_) + partition(*set_); --n) {
    const auto i = pods_.find(n);
    const bool up = i != pods_.end() && available(i->second);
    const bool old = i != pods_.end() && revision_of(*i->second) != newest;
    if (old && !i->second.object->meta().deleting) {
      // One that is missing anyway costs nothing.
      if (up && missing++ >= most)
        return;
      remove(i->second);
      if (most == 1)
        return;
    } else if (!up && most == 1) {
      return;
    }
  }
}

void stateful_step::update_status(int32_t collisions) {
  auto s = set_->status;
  int32_t ready = 0, up = 0, current = 0, updated = 0;
  const auto now_named = current_ ? current_.object->name() : s.current_revision;
  const auto newest = history_.newest ? history_.newest.object->name() : s.update_revision;
  s.replicas = 0;
  for (const auto* all : {&pods_, &condemned_})
    for (const auto& [n, p] : *all) {
      ++s.replicas;
      ready += healthy(p);
      up += available(p);
      if (p.object->meta().deleting)
        continue;
      current += revision_of(*p) == now_named;
      updated += revision_of(*p) == newest;
    }
  s.ready_replicas = unless_zero(ready);
  s.available_replicas = unless_zero(up);
  s.current_replicas = unless_zero(current);
  s.updated_replicas = unless_zero(updated);
  s.current_revision = now_named;
  s.update_revision = newest;
  s.observed_generation = set_.object->meta().generation;
  s.collision_count =
      collisions == 0 && !s.collision_count ? s.collision_count : std::optional{collisions};
  // A roll-out that is done makes the newest version the current one.
  if (is_rolling(*set_) && updated == s.replicas && ready == s.replicas &&
      s.replicas == replicas(*set_)) {
    s.current_revision = newest;
    s.current_replicas = s.updated_replicas;
  }
  if (s == set_->status)
    return;
  auto changed = *set_;
  changed.status = std::move(s);
  res_.calls.push_back(update_call(changed, "status"));
}

reconcile_result stateful_step::run() {
  if (!claim())
    return std::move(res_);
  const auto collisions = set_->status.collision_count.value_or(0);
  history_ = history_of(
      {set_.object, controller_reference(*set_), set_->spec.template_, collisions}, view_);
  const bool ending = set_.object->meta().deleting;
  // Pods carry their version's name: it comes first.
  if (!history_.newest && !ending) {
    res_.calls = std::move(history_.calls);
    if (history_.collided)
      update_status(collisions + 1);
    return std::move(res_);
  }
  choose_versions();
  if (!ending) {
    keep();
    condemn();
    roll();
    std::set<std::string> used{history_.newest.object->name(), current_.object->name()};
    for (const auto* all : {&pods_, &condemned_})
      for (const auto& [n, p] : *all)
        used.insert(revision_of(*p));
    for (auto& c : trim_history(history_, set_->spec.revision_history_limit, used))
      res_.calls.push_back(std::move(c));
  }
  update_status(collisions);
  return std::move(res_);
}

class stateful_set_controller final : public reconciler {
public:
  std::string_view name() const override { return "statefulset"; }

  std::vector<watch_spec> watches() const override {
    const auto owner = owner_key(std::string{stateful_set::kind_name});
    return {{std::string{stateful_set::resource_name}, self_key()},
            {"pods", sets_of_pod()},
            {std::string{controller_revision::resource_name}, owner},
            {std::string{persistent_volume_claim::resource_name}, sets_of_claim()}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    auto set = v.get<stateful_set>(key.ns, key.name);
    if (!set)
      return {};
    return stateful_step{std::move(set), v, now}.run();
  }
};

} // namespace

std::unique_ptr<reconciler> make_stateful_set_controller() {
  return std::make_unique<stateful_set_controller>();
}

} // namespace thespis::actors
