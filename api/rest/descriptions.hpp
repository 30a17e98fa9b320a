// Paths that are no resources: discovery, OpenAPI, version, health, metrics, introspection.
#pragma once

#include "api/rest/core.hpp"

namespace thespis::api::rest {

/// Answers a plain path.
transport::outcome describe(exchange_ptr x, const transport::request_head& head);

} // namespace thespis::api::rest
