// Tokens by which new machines introduce themselves: Secrets of type bootstrap.kubernetes.io/token.
#pragma once

#include "api/auth/service_account_tokens.hpp"

namespace thespis::api::auth {

/// Whose the token `ID.SECRET` is: system:bootstrap:ID, in system:bootstrappers and the groups that
/// its Secret names. Nothing unless the Secret kube-system/bootstrap-token-ID exists, has not
/// expired at `now` and is meant for authentication.
std::optional<token_identity> authenticate_bootstrap_token(const reader& state, clock_time now,
                                                           std::string_view token);

} // namespace thespis::api::auth
