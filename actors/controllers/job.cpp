#include "actors/controllers/job.hpp"

#include "actors/controllers/content.hpp"
#include "actors/controllers/job_step.hpp"
#include "actors/controllers/selectors.hpp"

namespace thespis::actors {

namespace {

using api::v1::job;

constexpr std::string_view own_name = "kubernetes.io/job-controller";

/// A pod is news to its job; an orphan to all whose selector matches it. A pod that outlives its
/// job still needs its finalizer taken off, under the name that the job had.
key_mapper jobs_of_pod() {
  return [by_owner = owner_key(std::string{job::kind_name})](
             const api::object& o, const api::object_ptr& previous, const view& v) {
    auto res = by_owner(o, previous, v);
    if (has_controller(o) || o.meta().deleting)
      return res;
    for (const auto& j : v.list<job>(o.ns()))
      if (j->spec.selector && selector_of(*j->spec.selector).matches(o.labels()))
        res.push_back({o.ns(), j.object->name()});
    return res;
  };
}

/// Pods of a job that is gone: nobody counts them any more.
reconcile_result let_go(const object_id& key, const view& v) {
  reconcile_result res;
  v.for_each("pods", key.ns, [&](const api::object_ptr& o) {
    if (!o->meta().has_finalizers)
      return;
    const auto& owners = o->meta().owners;
    if (std::none_of(owners.begin(), owners.end(), [&](const auto& r) {
          return r.controller && r.kind == job::kind_name && r.name == key.name;
        }))
      return;
    auto rest = finalizers_of(*o);
    if (std::erase(rest, std::string{jobs::tracking_finalizer}) > 0)
      res.calls.push_back(set_finalizers_call(*o, rest));
  });
  return res;
}

class job_controller final : public reconciler {
public:
  std::string_view name() const override { return "job"; }

  std::vector<watch_spec> watches() const override {
    return {{std::string{job::resource_name}, self_key()}, {"pods", jobs_of_pod()}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    auto j = v.get<job>(key.ns, key.name);
    if (!j)
      return let_go(key, v);
    if (!j->spec.managed_by.empty() && j->spec.managed_by != own_name)
      return {};
    return jobs::job_step{std::move(j), v, now}.run();
  }
};

} // namespace

std::unique_ptr<reconciler> make_job_controller() {
  return std::make_unique<job_controller>();
}

} // namespace thespis::actors
