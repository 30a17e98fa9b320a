// What must hold of Endpoints and EndpointSlices, beyond what each field's schema says.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

/// No traffic may be led to addresses that mean something else on every machine. Text that is no
/// address passes.
void check_endpoint_ip(std::string_view s, const path& at, findings& f);

void validate_endpoints(const json::value& endpoints, findings& f);
void validate_endpoint_slice(const json::value& slice, findings& f);

} // namespace thespis::api
