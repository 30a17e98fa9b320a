// The audit log as the configuration wants it.
#pragma once

#include "api/audit/record.hpp"
#include "config/settings.hpp"
#include "runtime/environment.hpp"

#include <memory>

namespace thespis::tools {

/// Null when no log is configured. Errors: bad_request for a policy that cannot be read,
/// internal_error for a log that cannot be opened.
api::result<std::shared_ptr<const api::audit::sink>> open_audit(const config::audit_settings& s);

} // namespace thespis::tools
