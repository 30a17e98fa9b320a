#include "actors/controllers/disruption.hpp"

#include "actors/controllers/notes.hpp"
#include "actors/controllers/pods_of.hpp"
#include "actors/controllers/selectors.hpp"
#include "api/generated/apps_v1.hpp"
#include "api/generated/core_v1_controller.hpp"
#include "api/generated/policy_v1.hpp"
#include "api/json.hpp"
#include "api/text/time.hpp"

#include <algorithm>
#include <map>

namespace thespis::actors {

namespace {

using budget = api::v1::pod_disruption_budget;
using budget_status = api::v1::pod_disruption_budget_status;

/// A pod whose eviction was allowed counts as gone for this long; if it is still there then, it
/// was not evicted after all.
constexpr std::chrono::minutes eviction_time{2};

api::label_selector selector_of_budget(const budget& b) {
  return b.spec.selector ? selector_of(*b.spec.selector) : api::label_selector::nothing();
}

key_mapper budgets_of_pod() {
  return [](const api::object& o, const api::object_ptr& previous, const view& v) {
    std::vector<object_id> res;
    for (const auto& b : v.list<budget>(o.ns())) {
      const auto selector = selector_of_budget(*b);
      if (selector.matches(o.labels()) || (previous && selector.matches(previous->labels())))
        res.push_back({o.ns(), b.object->name()});
    }
    return res;
  };
}

/// A workload's scale is part of its specification: its status is no news.
key_mapper budgets_beside_workload() {
  return [](const api::object& o, const api::object_ptr& previous, const view& v) {
    std::vector<object_id> res;
    if (previous && previous->meta().generation == o.meta().generation &&
        v.find(o.resource(), o.ns(), o.name()))
      return res;
    v.for_each(budget::resource_name, o.ns(), [&](const api::object_ptr& b) {
      res.push_back({b->ns(), b->name()});
    });
    return res;
  };
}

const api::owner_reference* controller_of(const api::object& o) {
  const auto& all = o.meta().owners;
  const auto i = std::find_if(all.begin(), all.end(), [](const auto& r) { return r.controller; });
  return i == all.end() ? nullptr : &*i;
}

/// A workload and how many pods it wants.
struct scale {
  std::string uid;
  int32_t replicas = 0;
};

template <class T>
std::optional<scale> scale_of(const std::string& ns, const api::owner_reference& r, const view& v) {
  if (r.kind != T::kind_name)
    return std::nullopt;
  const auto x = v.get<T>(ns, r.name);
  if (!x || x.object->uid() != r.uid)
    return std::nullopt;
  if constexpr (std::is_same_v<T, api::v1::replica_set>)
    if (const auto* above = controller_of(*x.object); above && above->kind == "Deployment")
      return scale_of<api::v1::deployment>(ns, *above, v);
  return scale{x.object->uid(), x->spec.replicas.value_or(1)};
}

std::optional<scale> find_scale(const std::string& ns, const api::owner_reference& r,
                                const view& v) {
  for (const auto find : {&scale_of<api::v1::replica_set>, &scale_of<api::v1::stateful_set>,
                          &scale_of<api::v1::replication_controller>})
    if (auto res = find(ns, r, v))
      return res;
  return std::nullopt;
}

/// How many pods there should be, by the workloads that the present ones belong to.
struct expectation {
  int32_t pods = 0;
  bool unmanaged = false; ///< some pod belongs to no workload
  std::string failure;    ///< not empty: it cannot be told
};

expectation expected_scale(const std::vector<counted_pod>& pods, const view& v) {
  expectation res;
  std::map<std::string, int32_t> known; // by uid
  for (const auto& p : pods) {
    const auto* owner = controller_of(*p.object);
    if (!owner) {
      res.unmanaged = true;
      continue;
    }
    const auto found = find_scale(p.object->ns(), *owner, v);
    if (!found) {
      res.failure = "found no controllers for pod " + api::json::quote(p.object->name());
      return res;
    }
    known[found->uid] = found->replicas;
  }
  for (const auto& [uid, replicas] : known)
    res.pods += replicas;
  return res;
}

class disruption final : public reconciler {
public:
  std::string_view name() const override { return "disruption"; }

  std::vector<watch_spec> watches() const override {
    return {
        {std::string{budget::resource_name}, self_key()},
        {"pods", budgets_of_pod()},
        {std::string{api::v1::deployment::resource_name}, budgets_beside_workload()},
        {std::string{api::v1::replica_set::resource_name}, budgets_beside_workload()},
        {std::string{api::v1::stateful_set::resource_name}, budgets_beside_workload()},
        {std::string{api::v1::replication_controller::resource_name}, budgets_beside_workload()}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    const auto b = v.get<budget>(key.ns, key.name);
    if (!b || b.object->meta().deleting)
      return {};
    reconcile_result res;
    const auto pods = pods_of(b, v);
    auto wanted = wanted_of(*b, pods, v);
    auto status = b->status;
    status.observed_generation = b.object->meta().generation;
    if (!wanted.failure.empty()) {
      // Nothing is known to be safe.
      status.disruptions_allowed = 0;
      set_condition(status, "SyncFailed", wanted.failure, now);
      res.retry = true;
    } else {
      status.disrupted_pods = under_way(b, pods, now, res);
      count(status, pods, wanted);
      set_condition(status, status.disruptions_allowed > 0 ? "SufficientPods" : "InsufficientPods",
                    {}, now);
    }
    if (status == b->status)
      return without_retry(std::move(res));
    tell(b, pods, wanted, res);
    auto updated = *b;
    updated.status = std::move(status);
    res.calls.push_back(update_call(updated, "status"));
    return without_retry(std::move(res));
  }

private:
  struct demand {
    int32_t expected = 0;
    int32_t healthy = 0; ///< how many must stay
    bool unmanaged = false;
    std::string failure;
  };

  // A workload that is missing is news when it comes; it is looked for now and then besides.
  static reconcile_result without_retry(reconcile_result res) {
    if (std::exchange(res.retry, false))
      res.requeue_after = std::min<std::chrono::nanoseconds>(
          res.requeue_after.value_or(std::chrono::minutes{1}), std::chrono::minutes{1});
    return res;
  }

  static std::vector<counted_pod> pods_of(const observed<budget>& b, const view& v) {
    std::vector<counted_pod> res;
    const auto selector = selector_of_budget(*b);
    v.for_each("pods", b.object->ns(), [&](const api::object_ptr& o) {
      if (selector.matches(o->labels()))
        res.push_back(v.get<pod_facts>(o->ns(), o->name()));
    });
    return res;
  }

  static demand wanted_of(const budget& b, const std::vector<counted_pod>& pods, const view& v) {
    demand res;
    const auto& least = b.spec.min_available;
    if (least && least->is_int()) {
      res.expected = static_cast<int32_t>(pods.size());
      res.healthy = least->as_int();
      return res;
    }
    if (!least && !b.spec.max_unavailable)
      return res;
    auto scale = expected_scale(pods, v);
    res.expected = scale.pods;
    res.unmanaged = scale.unmanaged;
    res.failure = std::move(scale.failure);
    res.healthy =
        least
            ? share_of(least, scale.pods, rounding::up)
            : std::max(0, scale.pods - share_of(b.spec.max_unavailable, scale.pods, rounding::up));
    return res;
  }

  /// Allowed evictions whose pods are still to go.
  static std::map<std::string, std::string> under_way(const observed<budget>& b,
                                                      const std::vector<counted_pod>& pods,
                                                      wall_time now, reconcile_result& res) {
    std::map<std::string, std::string> still;
    for (const auto& p : pods) {
      const auto i = b->status.disrupted_pods.find(p.object->name());
      if (i == b->status.disrupted_pods.end() || p.object->meta().deleting)
        continue;
      const auto over = api::parse_time(i->second).value_or(wall_time{}) + eviction_time;
      if (over > now) {
        still.insert(*i);
        res.requeue_after = std::min(res.requeue_after.value_or(over - now), over - now);
        continue;
      }
      event_note note;
      note.type = "Warning";
      note.reason = "NotDeleted";
      note.message = "Pod was expected by PDB " + b.object->ns() + "/" + b.object->name() +
                     " to be deleted but it wasn't";
      note.about = p.object;
      note.kind = "Pod";
      note.api_version = "v1";
      res.events.push_back(std::move(note));
    }
    return still;
  }

  static void count(budget_status& s, const std::vector<counted_pod>& pods, const demand& wanted) {
    s.current_healthy =
        static_cast<int32_t>(std::count_if(pods.begin(), pods.end(), [&](const counted_pod& p) {
          return p->ready && !p.object->meta().deleting &&
                 !s.disrupted_pods.contains(p.object->name());
        }));
    s.desired_healthy = wanted.healthy;
    s.expected_pods = wanted.expected;
    s.disruptions_allowed =
        wanted.expected > 0 ? std::max(0, s.current_healthy - wanted.healthy) : 0;
  }

  static void set_condition(budget_status& s, const std::string& reason, std::string message,
                            wall_time now) {
    constexpr const char* type = "DisruptionAllowed";
    auto c = std::find_if(s.conditions.begin(), s.conditions.end(),
                          [](const auto& x) { return x.type == type; });
    if (c == s.conditions.end()) {
      c = s.conditions.insert(c, api::v1::condition{});
      c->type = type;
    }
    const auto* status = reason == "SufficientPods" ? "True" : "False";
    if (c->status != status)
      c->last_transition_time = api::format_time(now);
    c->status = status;
    c->reason = reason;
    c->message = std::move(message);
    c->observed_generation = s.observed_generation;
  }

  static void tell(const observed<budget>& b, const std::vector<counted_pod>& pods,
                   const demand& wanted, reconcile_result& res) {
    if (pods.empty())
      res.events.push_back(note_about(b, "Normal", "NoPods", "No matching pods found"));
    if (!wanted.failure.empty())
      res.events.push_back(
          note_about(b, "Warning", "CalculateExpectedPodCountFailed",
                     "Failed to calculate the number of expected pods: " + wanted.failure));
    if (wanted.unmanaged)
      res.events.push_back(note_about(
          b, "Warning", "UnmanagedPods",
          "Pods selected by this PodDisruptionBudget (selector: " +
              selector_of_budget(*b).to_string() +
              ") were found to be unmanaged. As a result, the status of the PDB cannot be "
              "calculated correctly, which may result in undefined behavior. To account for these "
              "pods please set \".spec.minAvailable\" field of the PDB to an integer value."));
  }
};

} // namespace

std::unique_ptr<reconciler> make_disruption_controller() {
  return std::make_unique<disruption>();
}

} // namespace thespis::actors
