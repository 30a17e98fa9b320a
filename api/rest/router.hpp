// The first look at every request: who, what, whether, and who answers it.
#pragma once

#include "api/rest/core.hpp"

namespace thespis::api::rest {

/// The transport's hook.
transport::outcome route(const core_ptr& server, const transport::request_head& head);

} // namespace thespis::api::rest
