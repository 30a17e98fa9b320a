// The expressions of policies and webhooks, when these are written.
#pragma once

#include "api/admission/plugin.hpp"

namespace thespis::api::admission {

/// Refuses an object of admissionregistration.k8s.io whose expressions do not compile, or are of
/// the wrong type. Errors: invalid.
result<void> check_policy(const request& r);

} // namespace thespis::api::admission
