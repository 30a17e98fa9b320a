#include "actors/controllers/deployment.hpp"

#include "actors/controllers/deployment_rollout.hpp"
#include "actors/controllers/notes.hpp"
#include "actors/controllers/selectors.hpp"

namespace thespis::actors {

namespace {

using api::v1::deployment;
using api::v1::replica_set;

/// A set is news to its Deployment; an orphan to all whose selector matches it.
key_mapper deployments_of_set() {
  return [by_owner = owner_key(std::string{deployment::kind_name})](
             const api::object& o, const api::object_ptr& previous, const view& v) {
    auto res = by_owner(o, previous, v);
    if (has_controller(o) || o.meta().deleting)
      return res;
    for (const auto& d : v.list<deployment>(o.ns()))
      if (selector_of(d->spec.selector).matches(o.labels()))
        res.push_back({o.ns(), d.object->name()});
    return res;
  };
}

/// Recreate waits for the old pods to be gone.
key_mapper deployment_of_gone_pod() {
  return [](const api::object& o, const api::object_ptr&, const view& v) {
    std::vector<object_id> res;
    if (v.find("pods", o.ns(), o.name()))
      return res;
    for (const auto& owner : o.meta().owners) {
      if (!owner.controller || owner.kind != replica_set::kind_name)
        continue;
      if (const auto set = v.find(replica_set::resource_name, o.ns(), owner.name))
        for (const auto& top : set->meta().owners)
          if (top.controller && top.kind == deployment::kind_name)
            res.push_back({o.ns(), top.name});
    }
    return res;
  };
}

class deployment_controller final : public reconciler {
public:
  std::string_view name() const override { return "deployment"; }

  std::vector<watch_spec> watches() const override {
    return {{"deployments.apps", self_key()},
            {"replicasets.apps", deployments_of_set()},
            {"pods", deployment_of_gone_pod()}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    const auto d = v.get<deployment>(key.ns, key.name);
    if (!d)
      return {};
    const auto selector = selector_of(d->spec.selector);
    if (selector.matches_everything())
      return refuse_to_select_all(d);
    reconcile_result res;
    std::vector<observed<replica_set>> own;
    for (auto& s : v.owned_by<replica_set>(d.object->uid())) {
      if (!controlled_by(*s.object, d.object->uid()))
        continue;
      if (selector.matches(s.object->labels()))
        own.push_back(std::move(s));
      else if (!s.object->meta().deleting)
        res.calls.push_back(release_call(*s.object, d.object->uid()));
    }
    if (!d.object->meta().deleting)
      v.for_each(replica_set::resource_name, key.ns, [&](const api::object_ptr& o) {
        if (!has_controller(*o) && !o->meta().deleting && selector.matches(o->labels()))
          res.calls.push_back(adopt_call(*o, controller_reference(*d)));
      });
    // Sets that change hands are looked at when the view shows whose they are.
    if (!res.calls.empty())
      return res;
    return deployments::rollout{d, own, v, now}.run();
  }

private:
  static reconcile_result refuse_to_select_all(const observed<deployment>& d) {
    reconcile_result res;
    if (d->status.observed_generation.value_or(0) >= d.object->meta().generation)
      return res;
    res.events.push_back(
        note_about(d, "Warning", "SelectingAll",
                   "This deployment is selecting all pods. A non-empty selector is required."));
    auto updated = *d;
    updated.status.observed_generation = d.object->meta().generation;
    res.calls.push_back(update_call(updated, "status"));
    return res;
  }
};

} // namespace

std::unique_ptr<reconciler> make_deployment_controller() {
  return std::make_unique<deployment_controller>();
}

} // namespace thespis::actors
