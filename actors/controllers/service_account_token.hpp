// Secrets of type kubernetes.io/service-account-token: filled for the account they name, deleted
// when it is gone.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/auth/service_account_tokens.hpp"

#include <memory>
#include <string>

namespace thespis::actors {

struct service_account_token_deps {
  std::shared_ptr<const api::auth::service_account_tokens> tokens;
  std::string root_ca; ///< PEM; empty: the Secrets hold none
};

/// Keys are Secrets of that type.
std::unique_ptr<reconciler>
make_service_account_token_controller(const service_account_token_deps& deps);

} // namespace thespis::actors
