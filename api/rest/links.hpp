// Links of the actor system: connections of other machines that leave HTTP.
#pragma once

#include "api/rest/core.hpp"

namespace thespis::api::rest {

/// GET /thespis/v1/link with `Upgrade: PROTOCOL`, one of link_protocols: gives the connection to
/// whoever runs the actor system, after the version both speak has been told to the peer.
transport::outcome open_link(exchange_ptr x, const transport::request_head& head);

} // namespace thespis::api::rest
