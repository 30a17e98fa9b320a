// A request that another server answers, between the transport and the forwarder.
#pragma once

#include "api/rest/core.hpp"
#include "api/rest/forwarder.hpp"
#include "api/rest/link_rewriter.hpp"

namespace thespis::api::rest {

/// What happens to an answer on its way back.
struct answer_rules {
  /// With a prefix, links and Locations lead back through it, and headers that open the answer to
  /// other sites are dropped.
  proxied_place place;
  /// A redirect is answered with 502: a client must not be sent anywhere by a server that it did
  /// not choose.
  bool refuse_redirects = false;
};

/// The part of `r` that the client's request is: method, headers without credentials,
/// X-Forwarded-For, upgrade.
void take_request(forward_request& r, const transport::request_head& head);

/// Reads the client's body, sends `r` with it, and passes back what comes.
transport::outcome forward(exchange_ptr x, forward_request r, answer_rules rules);

} // namespace thespis::api::rest
