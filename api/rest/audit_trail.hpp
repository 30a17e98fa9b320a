// What the REST server tells the audit log.
#pragma once

#include "api/rest/core.hpp"

namespace thespis::api::rest {

/// Begins the request's record when its policy wants one: `x.audit`. The user is the one that
/// authenticated, whoever they want to be taken for.
void begin_audit(exchange& x, const transport::request_head& head, const user_info& user);

/// A request whose credentials were not good.
void audit_refusal(exchange& x, const transport::request_head& head,
                   const transport::response& answer);

/// An answer of unknown length has begun.
void audit_started(const exchange& x, int code);

/// The log's numbers in Prometheus' text format; empty without a log.
std::string audit_metrics(const core& server);

} // namespace thespis::api::rest
