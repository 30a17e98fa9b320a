// API groups that extension servers answer for: requests to them are passed on with word of who
// asks.
#pragma once

#include "api/rest/core.hpp"

namespace thespis::api::rest {

/// The extension server that answers for what is asked; null when we do.
std::shared_ptr<const outbound::extension> extension_of(const core& server,
                                                        const request_target& t);

/// Passes the request on.
transport::outcome ask_extension(exchange_ptr x, const outbound::extension& e,
                                 const transport::request_head& head);

/// The headers by which the server behind is told who asks.
transport::header_list identity_headers(const user_info& user);

} // namespace thespis::api::rest
