#include "actors/controllers/policy_status.hpp"

#include "api/admission/policies/type_check.hpp"

namespace thespis::actors {

namespace {

namespace json = api::json;

constexpr auto policies = "validatingadmissionpolicies.admissionregistration.k8s.io";

class policy_status final : public reconciler {
public:
  explicit policy_status(std::shared_ptr<const api::schema::registry> schemas)
      : schemas_(std::move(schemas)) {}

  std::string_view name() const override { return "validatingadmissionpolicy-status"; }

  std::vector<watch_spec> watches() const override { return {{policies, self_key()}}; }

  reconcile_result reconcile(const object_id& key, const view& observed, wall_time) override {
    auto policy = observed.find(policies, key.ns, key.name);
    if (!policy)
      return {};
    auto doc = policy->parse();
    const auto* seen = json::at(doc, {"status", "observedGeneration"});
    auto generation = policy->meta().generation;
    if (seen != nullptr && seen->IsInt64() && seen->GetInt64() == generation)
      return {};
    const auto& known = schemas_ ? *schemas_ : api::schema::registry::builtin();
    auto& a = doc.GetAllocator();
    json::value warnings{rapidjson::kArrayType};
    for (const auto& w : api::admission::check_types(doc, known)) {
      json::value entry{rapidjson::kObjectType};
      json::set(entry, "fieldRef", w.field, a);
      json::set(entry, "warning", w.warning, a);
      warnings.PushBack(std::move(entry), a);
    }
    json::value types{rapidjson::kObjectType};
    json::set(types, "expressionWarnings", warnings.Empty() ? json::value{} : std::move(warnings),
              a);
    json::value status{rapidjson::kObjectType};
    json::set(status, "observedGeneration", json::value{generation}, a);
    json::set(status, "typeChecking", std::move(types), a);
    json::value body{rapidjson::kObjectType};
    json::set(body, "status", std::move(status), a);
    return {{patch_call(policies, key, json::to_string(body), "status")}, {}};
  }

private:
  std::shared_ptr<const api::schema::registry> schemas_;
};

} // namespace

std::unique_ptr<reconciler>
make_policy_status_controller(std::shared_ptr<const api::schema::registry> schemas) {
  return std::make_unique<policy_status>(std::move(schemas));
}

} // namespace thespis::actors
