// What must hold of the priorities of API requests and of claims for devices, beyond what each
// field's schema says.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

void validate_flow_schema(const json::value& schema, findings& f);
void validate_priority_level(const json::value& level, findings& f);

void validate_device_claim(const json::value& claim, findings& f);
void validate_device_claim_template(const json::value& tmpl, findings& f);
void validate_device_claim_update(const json::value& now, const json::value& old, findings& f);

} // namespace thespis::api
