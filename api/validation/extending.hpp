// What must hold of kinds that extend the server (webhooks, admission policies, API services),
// beyond what each field's schema says.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

/// A ValidatingWebhookConfiguration or MutatingWebhookConfiguration.
void validate_webhooks(const json::value& config, findings& f);
void validate_validating_policy(const json::value& policy, findings& f);
void validate_mutating_policy(const json::value& policy, findings& f);
void validate_validating_policy_binding(const json::value& binding, findings& f);
void validate_mutating_policy_binding(const json::value& binding, findings& f);
void validate_api_service(const json::value& service, findings& f);

/// How a web service is reached, as webhooks of admission and of conversion say it.
void validate_webhook_client(const json::value& client, const path& at, findings& f);

} // namespace thespis::api
