// How requests get into cpprestsdk's http_listener, and answers out of it.
#pragma once

#include "api/rest/transport/connection.hpp"

#include <cpprest/http_msg.h>

namespace thespis::api::transport {

/// Installs the transport as cpprestsdk's http_server, once a process, with an inline scheduler,
/// and keeps it installed: cpprestsdk forgets its server when the last listener closes, and would
/// then open the next one on its stock server. Errors: internal_error when another server is in
/// use already.
result<void> install();

/// The listeners of one server, found by the authority "address:port" of their URI.
class listener_set;
std::shared_ptr<listener_set> listeners_of(const std::string& authority);
/// Calls the listener with the longest path that leads to `path`; answers 404 when there is none.
void call_listener(listener_set& listeners, web::http::http_request& request,
                   std::string_view path);

/// The request as cpprestsdk knows it; none when its target is not a URI.
std::optional<web::http::http_request> make_request(std::shared_ptr<connection> conn, uint64_t id,
                                                    const request_fields& head,
                                                    std::shared_ptr<void> context,
                                                    std::string body);

} // namespace thespis::api::transport
