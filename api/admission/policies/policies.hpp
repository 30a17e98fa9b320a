// The plug-ins that policies in CEL are.
#pragma once

#include "api/admission/plugin.hpp"

namespace thespis::api::admission {

/// ValidatingAdmissionPolicy: bound policies judge requests. Also refuses policies, bindings and
/// webhooks whose expressions are wrong.
plugin_ptr validating_policies(const ports& p);

/// MutatingAdmissionPolicy: bound policies alter what is written.
plugin_ptr mutating_policies(const ports& p);

} // namespace thespis::api::admission
