// The outside issuer of the configuration, with its keys kept fresh.
#pragma once

#include "api/auth/oidc.hpp"
#include "config/settings.hpp"
#include "tools/cluster/cluster.hpp"

#include <memory>

namespace thespis::tools {

/// Null when none is configured. Its keys are fetched beside the requests, first at once. Errors:
/// bad_request for settings that cannot be meant.
api::result<std::shared_ptr<api::auth::oidc_issuer>> start_oidc(cluster& c,
                                                                const config::oidc_settings& s);

} // namespace thespis::tools
