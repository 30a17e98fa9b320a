// Kinds that route, govern and extend: ingresses, network policies, budgets, quotas, autoscalers,
// webhooks, admission policies.
#include "api/pipeline/strategies/strategies.hpp"
#include "api/validation/extending.hpp"
#include "api/validation/governing.hpp"
#include "api/validation/routing.hpp"

namespace thespis::api {

namespace {

using rule = void (*)(const json::value&, findings&);
using change_rule = void (*)(const json::value&, const json::value&, findings&);

strategy plain(std::string_view resource, rule r, bool unconditional = true) {
  strategy s;
  s.resource = resource;
  s.validate = r;
  s.unconditional_update = unconditional;
  return s;
}

/// A rule about changes of the object, not of its status.
template <change_rule Rule>
void on_spec(const operation& op, const json::value& now, const json::value& old, findings& f) {
  if (!is_status_call(op))
    Rule(now, old, f);
}

std::vector<strategy> routing() {
  auto ingress = plain("ingresses.networking.k8s.io", validate_ingress);
  ingress.validate_create = validate_new_ingress;
  auto ingress_class = plain("ingressclasses.networking.k8s.io", validate_ingress_class);
  ingress_class.validate_update = on_spec<validate_ingress_class_update>;
  auto block = plain("servicecidrs.networking.k8s.io", validate_service_cidr);
  block.validate_update = on_spec<validate_service_cidr_update>;
  return {ingress, ingress_class, block,
          plain("networkpolicies.networking.k8s.io", validate_network_policy),
          plain("ipaddresses.networking.k8s.io", validate_ip_address)};
}

std::vector<strategy> governing() {
  auto priority = plain("priorityclasses.scheduling.k8s.io", validate_priority_class);
  priority.validate_update = on_spec<validate_priority_class_update>;
  auto quota = plain("resourcequotas", validate_resource_quota);
  quota.validate_update = on_spec<validate_resource_quota_update>;
  auto range = plain("limitranges", validate_limit_range);
  range.create_on_update = true;
  return {priority, quota, range,
          plain("poddisruptionbudgets.policy", validate_disruption_budget, false),
          plain("horizontalpodautoscalers.autoscaling", validate_autoscaler)};
}

std::vector<strategy> extending() {
  return {
      plain("mutatingwebhookconfigurations.admissionregistration.k8s.io", validate_webhooks, false),
      plain("validatingwebhookconfigurations.admissionregistration.k8s.io", validate_webhooks,
            false),
      plain("validatingadmissionpolicies.admissionregistration.k8s.io", validate_validating_policy,
            false),
      plain("mutatingadmissionpolicies.admissionregistration.k8s.io", validate_mutating_policy,
            false),
      plain("validatingadmissionpolicybindings.admissionregistration.k8s.io",
            validate_validating_policy_binding, false),
      plain("mutatingadmissionpolicybindings.admissionregistration.k8s.io",
            validate_mutating_policy_binding, false),
      plain("apiservices.apiregistration.k8s.io", validate_api_service, false)};
}

} // namespace

std::vector<strategy> policy_strategies() {
  auto all = routing();
  for (auto& some : {governing(), extending()})
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

} // namespace thespis::api
