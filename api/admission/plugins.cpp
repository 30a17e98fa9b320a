#include "api/admission/plugins.hpp"

namespace thespis::api::admission {

std::vector<plugin_ptr> default_plugins(const ports&) {
  return {
      namespace_lifecycle(), service_account(), priority(), default_toleration_seconds(),
      // Policies and webhooks see what all others have made of the object.
      // Quotas come last: they count only what everybody else has let through.
  };
}

} // namespace thespis::api::admission
