// What must hold of Events and Leases, beyond what each field's schema says.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

void validate_event(const json::value& event, findings& f);
void validate_lease(const json::value& lease, findings& f);

} // namespace thespis::api
