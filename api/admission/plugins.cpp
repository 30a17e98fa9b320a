#include "api/admission/plugins.hpp"

namespace thespis::api::admission {

std::vector<plugin_ptr> default_plugins(const ports& p) {
  return {
      namespace_lifecycle(),
      limit_ranger(),
      service_account(p),
      pod_security(),
      priority(),
      default_toleration_seconds(),
      default_storage_class(),
      storage_object_in_use_protection(),
      claim_resize(),
      runtime_class(),
      certificate_approval(p.allowed),
      certificate_signing(p.allowed),
      certificate_subject_restriction(),
      default_ingress_class(),
      deny_service_external_ips(),
      // Policies and webhooks see what all others have made of the object.
      mutating_webhooks(p),
      validating_webhooks(p),
      // Quotas come last: they count only what everybody else has let through.
      resource_quota(p),
  };
}

} // namespace thespis::api::admission
