#include "actors/controllers/replication.hpp"

#include "actors/controllers/notes.hpp"
#include "actors/controllers/pods_of.hpp"
#include "actors/controllers/selectors.hpp"
#include "api/generated/apps_v1.hpp"
#include "api/generated/core_v1_controller.hpp"
#include "api/text/time.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

/// So many pods are made or removed by one reconcile (Kubernetes' BurstReplicas).
constexpr int burst = 500;
/// Longer names of sets are cut, as the API cuts generateName, so that a pod's fits a host name.
constexpr size_t max_name_base = 58;
constexpr const char* failure_type = "ReplicaFailure";

template <class Status>
bool has_failure(const Status& s) {
  return std::any_of(s.conditions.begin(), s.conditions.end(),
                     [](const auto& c) { return c.type == failure_type; });
}

template <class Status>
void drop_failure(Status& s) {
  std::erase_if(s.conditions, [](const auto& c) { return c.type == failure_type; });
}

/// Says in the status, and by an event, whether pods could be made and removed. `first` is where
/// their calls begin.
template <class T>
reconcile_result tell_failures(const observed<T>& owner, size_t first, bool creating,
                               const std::vector<call_result>& results, wall_time now) {
  reconcile_result res;
  const api::error* failure = nullptr;
  for (size_t i = 0; i < results.size(); ++i) {
    const auto& r = results[i];
    res.retry |= !r.ok;
    // What is gone or being replaced already is no news to anybody.
    if (!r.ok && i >= first && !failure && r.failure.why != api::reason::not_found &&
        r.failure.why != api::reason::conflict)
      failure = &r.failure;
  }
  auto status = owner->status;
  const bool told = has_failure(status);
  if (failure) {
    const auto* reason = creating ? "FailedCreate" : "FailedDelete";
    res.events.push_back(
        note_about(owner, "Warning", reason,
                   (creating ? "Error creating: " : "Error deleting: ") + failure->message));
    if (!told) {
      auto& c = status.conditions.emplace_back();
      c.type = failure_type;
      c.status = "True";
      c.reason = reason;
      c.message = failure->message;
      c.last_transition_time = api::format_time(now);
    }
  } else {
    drop_failure(status);
  }
  if (has_failure(status) == told)
    return res;
  api::json::document doc;
  auto& a = doc.GetAllocator();
  doc.SetObject();
  auto& wanted = api::json::ensure_object(doc, "status", a);
  api::json::value list{rapidjson::kArrayType};
  for (const auto& c : status.conditions)
    list.PushBack(api::v1::to_json(c, a), a);
  api::json::set(wanted, "conditions", std::move(list), a);
  res.calls.push_back(patch_call(owner.object->resource(),
                                 {owner.object->ns(), owner.object->name()},
                                 api::json::to_string(doc), "status"));
  return res;
}

/// The same work for both kinds; they differ in their selector's type only.
template <class T>
class replication final : public reconciler {
public:
  replication(std::string name, std::shared_ptr<runtime::random_port> random)
      : name_(std::move(name)), random_(std::move(random)) {}

  std::string_view name() const override { return name_; }

  std::vector<watch_spec> watches() const override {
    return {{std::string{T::resource_name}, self_key()}, {"pods", pod_keys()}};
  }

  reconcile_result reconcile(const object_id& key, const view& observed, wall_time now) override;

private:
  struct census {
    std::vector<counted_pod> active;
    size_t terminating = 0;
  };

  // A pod is news to its controller; an orphan to all whose selector matches it.
  static key_mapper pod_keys() {
    return [by_owner = owner_key(std::string{T::kind_name})](
               const api::object& o, const api::object_ptr& previous, const view& v) {
      auto res = by_owner(o, previous, v);
      if (has_controller(o) || o.meta().deleting)
        return res;
      for (const auto& candidate : v.list<T>(o.ns()))
        if (selector_of(candidate->spec.selector).matches(o.labels()))
          res.push_back({o.ns(), candidate.object->name()});
      return res;
    };
  }

  census claim(const observed<T>& owner, const view& v, std::vector<api::call>& calls) const;
  static int desired_of(const observed<T>& owner) {
    return static_cast<int>(owner->spec.replicas.value_or(1));
  }
  void scale(const observed<T>& owner, census& pods, wall_time now, reconcile_result& res) const;
  void update_status(const observed<T>& owner, const census& pods, wall_time now,
                     reconcile_result& res) const;
  api::v1::pod new_pod(const T& owner) const;

  const std::string name_;
  std::shared_ptr<runtime::random_port> random_;
};

template <class T>
reconcile_result replication<T>::reconcile(const object_id& key, const view& observed_view,
                                           wall_time now) {
  reconcile_result res;
  const auto owner = observed_view.get<T>(key.ns, key.name);
  if (!owner)
    return res;
  auto pods = claim(owner, observed_view, res.calls);
  update_status(owner, pods, now, res);
  if (!owner.object->meta().deleting)
    scale(owner, pods, now, res);
  return res;
}

template <class T>
typename replication<T>::census replication<T>::claim(const observed<T>& owner, const view& v,
                                                      std::vector<api::call>& calls) const {
  census res;
  const auto& uid = owner.object->uid();
  const auto selector = selector_of(owner->spec.selector);
  for (auto& p : v.owned_by<pod_facts>(uid)) {
    if (!controlled_by(*p.object, uid))
      continue;
    if (!selector.matches(p.object->labels())) {
      if (!p.object->meta().deleting)
        calls.push_back(release_call(*p.object, uid));
      continue;
    }
    if (p.object->meta().deleting)
      ++res.terminating;
    else if (is_active(p))
      res.active.push_back(std::move(p));
  }
  if (owner.object->meta().deleting)
    return res;
  // Orphans are rare: only identities are looked at until one matches.
  v.for_each("pods", owner.object->ns(), [&](const api::object_ptr& o) {
    if (has_controller(*o) || o->meta().deleting || !selector.matches(o->labels()))
      return;
    auto p = v.get<pod_facts>(o->ns(), o->name());
    if (!is_active(p))
      return;
    calls.push_back(adopt_call(*o, controller_reference(*owner)));
    res.active.push_back(std::move(p));
  });
  return res;
}

template <class T>
api::v1::pod replication<T>::new_pod(const T& owner) const {
  api::v1::pod res;
  res.metadata = owner.spec.template_.metadata;
  res.metadata.namespace_ = owner.metadata.namespace_;
  res.metadata.generate_name = owner.metadata.name + "-";
  res.metadata.owner_references = {controller_reference(owner)};
  res.spec = owner.spec.template_.spec;
  return res;
}

template <class T>
void replication<T>::scale(const observed<T>& owner, census& pods, wall_time now,
                           reconcile_result& res) const {
  const auto diff = desired_of(owner) - static_cast<int>(pods.active.size());
  if (diff == 0)
    return;
  const auto first = res.calls.size();
  const auto note = [&](std::string reason, std::string message) {
    res.events.push_back(note_about(owner, "Normal", std::move(reason), std::move(message)));
    res.events.back().of_call = res.calls.size() - 1;
  };
  // After a failure one pod finds out whether more have a chance.
  const auto most = has_failure(owner->status) ? 1 : burst;
  if (diff > 0) {
    // All are alike but for their names: serialized once, with a name that none can have.
    auto model = new_pod(*owner);
    model.metadata.name = "?";
    const auto call = create_call(model);
    const auto hole = call.body.find("\"name\":\"?\"") + std::string_view{"\"name\":\""}.size();
    for (int i = 0; i < std::min(diff, most); ++i) {
      const auto name = model.metadata.generate_name.substr(0, max_name_base) + random_->suffix();
      res.calls.push_back(call);
      res.calls.back().body.replace(hole, 1, name);
      note("SuccessfulCreate", "Created pod: " + name);
    }
  }
  if (diff < 0) {
    sort_for_deletion(pods.active);
    for (int i = 0; i < std::min(-diff, most); ++i) {
      const auto& p = *pods.active[static_cast<size_t>(i)].object;
      res.calls.push_back(delete_call(p));
      note("SuccessfulDelete", "Deleted pod: " + p.name());
    }
  }
  res.then = [owner, first, creating = diff > 0, now](const std::vector<call_result>& results) {
    return tell_failures(owner, first, creating, results, now);
  };
}

template <class T>
void replication<T>::update_status(const observed<T>& owner, const census& pods, wall_time now,
                                   reconcile_result& res) const {
  auto status = owner->status;
  const auto min_ready = owner->spec.min_ready_seconds.value_or(0);
  const auto& wanted = owner->spec.template_.metadata.labels;
  int32_t labelled = 0;
  int32_t ready = 0;
  int32_t available = 0;
  for (const auto& p : pods.active) {
    labelled += std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
      const auto* value = api::find_label(p.object->labels(), label.first);
      return value && *value == label.second;
    });
    if (!p->ready)
      continue;
    ++ready;
    if (is_available(*p, min_ready, now))
      ++available;
    else {
      const auto wait = p->ready_since + std::chrono::seconds{min_ready} - now;
      res.requeue_after = std::min(res.requeue_after.value_or(wait), wait);
    }
  }
  status.replicas = static_cast<int32_t>(pods.active.size());
  status.fully_labeled_replicas = unless_zero(labelled);
  status.ready_replicas = unless_zero(ready);
  status.available_replicas = unless_zero(available);
  status.observed_generation = owner.object->meta().generation;
  if (desired_of(owner) == static_cast<int>(pods.active.size()))
    drop_failure(status);
  if (status == owner->status)
    return;
  auto updated = *owner;
  updated.status = std::move(status);
  res.calls.push_back(update_call(updated, "status"));
}

} // namespace

std::unique_ptr<reconciler>
make_replica_set_controller(std::shared_ptr<runtime::random_port> random) {
  return std::make_unique<replication<api::v1::replica_set>>("replicaset", std::move(random));
}

std::unique_ptr<reconciler>
make_replication_controller(std::shared_ptr<runtime::random_port> random) {
  return std::make_unique<replication<api::v1::replication_controller>>("replication",
                                                                        std::move(random));
}

} // namespace thespis::actors
