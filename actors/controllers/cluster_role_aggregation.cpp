#include "actors/controllers/cluster_role_aggregation.hpp"

#include "actors/controllers/selectors.hpp"
#include "api/generated/rbac_v1.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

namespace v1 = api::v1;

class cluster_role_aggregation final : public reconciler {
public:
  std::string_view name() const override { return "clusterroleaggregation"; }

  std::vector<watch_spec> watches() const override {
    // Whatever role changes, each aggregate may have gained or lost by it; there are few.
    auto aggregates = [](const api::object&, const api::object_ptr&, const view& v) {
      std::vector<object_id> keys;
      for (const auto& r : v.list<v1::cluster_role>())
        if (r->aggregation_rule)
          keys.push_back({{}, r.object->name()});
      return keys;
    };
    return {{std::string{v1::cluster_role::resource_name}, aggregates}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time) override {
    reconcile_result res;
    const auto role = v.get<v1::cluster_role>({}, key.name);
    if (!role || !role->aggregation_rule)
      return res;
    std::vector<v1::policy_rule> rules;
    for (const auto& s : role->aggregation_rule->cluster_role_selectors)
      take_over(key.name, s, v, rules);
    if (rules == role->rules)
      return res;
    auto next = *role;
    next.rules = std::move(rules);
    res.calls.push_back(update_call(next));
    return res;
  }

private:
  /// Adds the rules of the roles that match, in the order of their names, each once.
  static void take_over(const std::string& self, const v1::label_selector& s, const view& v,
                        std::vector<v1::policy_rule>& rules) {
    const auto selector = selector_of(s);
    for (const auto& other : v.list<v1::cluster_role>()) {
      if (other.object->name() == self || !selector.matches(other.object->labels()))
        continue;
      for (const auto& rule : other->rules)
        if (std::find(rules.begin(), rules.end(), rule) == rules.end())
          rules.push_back(rule);
    }
  }
};

} // namespace

std::unique_ptr<reconciler> make_cluster_role_aggregation() {
  return std::make_unique<cluster_role_aggregation>();
}

} // namespace thespis::actors
