// Who asks, and whether they may: what every request passes before it is looked at.
#pragma once

#include "api/auth/policy.hpp"
#include "api/auth/service_account_tokens.hpp"
#include "api/pipeline/call.hpp"
#include "api/rest/request_target.hpp"
#include "api/rest/transport/server.hpp"
#include "api/result.hpp"

#include <functional>
#include <optional>
#include <string_view>

namespace thespis::api::rest {

/// Whose a bearer token is, or nothing when it is no good, or meant for none of `audiences` (the
/// API server's own when empty). Thread-safe, never blocks.
using token_authenticator = std::function<std::optional<auth::token_identity>(
    std::string_view token, const std::vector<std::string>& audiences)>;

/// Whether clients without credentials may ask for a path at all; nothing when nobody has said:
/// then they may ask for health and version. Thread-safe.
using stranger_rule = std::function<std::optional<bool>(std::string_view path)>;

/// The user of a request: of a verified client certificate (common name and organizations), else
/// of a bearer token, else system:anonymous. Errors: unauthorized for credentials that are not
/// good.
result<user_info> authenticate(const transport::request_head& head,
                               const token_authenticator& tokens);

/// Whom the user wants to be taken for (Impersonate-User, -Group, -Uid, -Extra-*); the user
/// themselves without such headers. Errors: forbidden unless the user may impersonate each of
/// them; internal_error for groups and the like without a user, as Kubernetes answers.
result<user_info> impersonate(const transport::request_head& head, user_info user,
                              const auth::policy& access);

/// Where the shell asks; no resource, but authorized as the actors.thespis.dev it shows.
inline constexpr std::string_view introspection_path = "/thespis/v1/introspect";

/// The question that a request is. A view of both.
auth::access_query question_of(const user_info& user, const request_target& target);

/// Errors: what the client is told when it may not: forbidden, or unauthorized for anonymous
/// clients that ask for what strangers may not, whatever is bound to them.
result<void> authorize(const auth::policy& access, const user_info& user,
                       const request_target& target, std::string* reason = nullptr,
                       const stranger_rule& strangers = {});

} // namespace thespis::api::rest
