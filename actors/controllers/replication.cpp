#include "actors/controllers/replication.hpp"

#include "actors/controllers/pods_of.hpp"
#include "actors/controllers/selectors.hpp"
#include "api/generated/apps_v1.hpp"
#include "api/generated/core_v1_controller.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

/// So many pods are made or removed by one reconcile (Kubernetes' BurstReplicas).
constexpr int burst = 500;

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
    std::vector<observed_pod> active;
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
  void scale(const observed<T>& owner, census& pods, reconcile_result& res) const;
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
    scale(owner, pods, res);
  return res;
}

template <class T>
typename replication<T>::census replication<T>::claim(const observed<T>& owner, const view& v,
                                                      std::vector<api::call>& calls) const {
  census res;
  const auto& uid = owner.object->uid();
  const auto selector = selector_of(owner->spec.selector);
  for (auto& p : v.owned_by<api::v1::pod>(uid)) {
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
    auto p = v.get<api::v1::pod>(o->ns(), o->name());
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
  res.metadata.name = res.metadata.generate_name + random_->suffix();
  res.metadata.owner_references = {controller_reference(owner)};
  res.spec = owner.spec.template_.spec;
  return res;
}

template <class T>
void replication<T>::scale(const observed<T>& owner, census& pods, reconcile_result& res) const {
  const auto desired = static_cast<int>(owner->spec.replicas.value_or(1));
  const auto diff = desired - static_cast<int>(pods.active.size());
  const auto note = [&](std::string reason, std::string message) {
    event_note n;
    n.reason = std::move(reason);
    n.message = std::move(message);
    n.about = owner.object;
    n.kind = T::kind_name;
    n.api_version = T::api_version_name;
    res.events.push_back(std::move(n));
  };
  for (int i = 0; i < std::min(diff, burst); ++i) {
    const auto pod = new_pod(*owner);
    res.calls.push_back(create_call(pod));
    note("SuccessfulCreate", "Created pod: " + pod.metadata.name);
  }
  if (diff < 0) {
    sort_for_deletion(pods.active);
    for (int i = 0; i < std::min(-diff, burst); ++i) {
      const auto& p = *pods.active[static_cast<size_t>(i)].object;
      res.calls.push_back(delete_call(p));
      note("SuccessfulDelete", "Deleted pod: " + p.name());
    }
  }
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
    if (!is_ready(*p))
      continue;
    ++ready;
    if (is_available(*p, min_ready, now))
      ++available;
    else
      res.requeue_after = ready_since(*p) + std::chrono::seconds{min_ready} - now;
  }
  const auto set = [](std::optional<int32_t>& field, int32_t value) {
    field = value == 0 ? std::nullopt : std::optional{value};
  };
  status.replicas = static_cast<int32_t>(pods.active.size());
  set(status.fully_labeled_replicas, labelled);
  set(status.ready_replicas, ready);
  set(status.available_replicas, available);
  status.observed_generation = owner.object->meta().generation;
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
