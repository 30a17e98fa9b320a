// Who asks, and whether they may: the two ports that every request passes before it is looked at.
#pragma once

#include "api/pipeline/call.hpp"
#include "api/rest/request_target.hpp"
#include "api/rest/transport/server.hpp"
#include "api/result.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace thespis::api::rest {

/// The user that a bearer token belongs to, or nothing when it is unknown. Thread-safe, never
/// blocks.
using token_authenticator = std::function<std::optional<user_info>(std::string_view token)>;

/// What is asked to be allowed.
struct access_request {
  const user_info& user;
  const request_target& target;
};

/// Whether it is allowed. Thread-safe, never blocks.
using authorizer = std::function<bool(const access_request&)>;

/// The user of a request: of a verified client certificate (common name and organizations), else
/// of a bearer token, else system:anonymous. Errors: unauthorized for credentials that are not
/// good; forbidden for impersonation, which is not served.
result<user_info> authenticate(const transport::request_head& head,
                               const token_authenticator& tokens);

/// Members of system:masters may do all; every authenticated user may read the API's description
/// and ask what they may do (as Kubernetes' system:discovery and system:basic-user allow); anyone
/// may ask for health and version.
bool allow_masters(const access_request& r);

/// The refusal in Kubernetes' words. Anonymous requests are asked for credentials (401).
error access_denied(const access_request& r);

bool is_anonymous(const user_info& user);

} // namespace thespis::api::rest
