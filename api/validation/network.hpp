// What must hold of Endpoints and EndpointSlices, beyond what each field's schema says.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

void validate_endpoints(const json::value& endpoints, findings& f);
void validate_endpoint_slice(const json::value& slice, findings& f);

} // namespace thespis::api
