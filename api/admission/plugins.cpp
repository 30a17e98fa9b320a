#include "api/admission/plugins.hpp"

#include "api/admission/policies/expressions.hpp"
#include "api/admission/policies/policies.hpp"

namespace thespis::api::admission {

std::vector<plugin_ptr> default_plugins(const ports& p) {
  auto asking = p;
  if (!asking.condition)
    asking.condition = condition_evaluator(p);
  return {
      namespace_lifecycle(),
      limit_ranger(),
      service_account(p),
      pod_security(),
      priority(),
      default_toleration_seconds(p),
      default_storage_class(),
      storage_object_in_use_protection(),
      claim_resize(),
      runtime_class(),
      certificate_approval(p.allowed),
      certificate_signing(p.allowed),
      cluster_trust_bundle_attest(p.allowed),
      certificate_subject_restriction(),
      default_ingress_class(),
      // Policies and webhooks see what all others have made of the object.
      mutating_policies(p),
      mutating_webhooks(asking),
      validating_policies(p),
      validating_webhooks(asking),
      // Quotas come last: they count only what everybody else has let through.
      resource_quota(p),
  };
}

} // namespace thespis::api::admission
