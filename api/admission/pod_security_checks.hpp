// The Pod Security Standards as a table of checks.
#pragma once

#include "api/admission/pod_security_policy.hpp"
#include "api/json.hpp"

namespace thespis::api::admission {

/// One thing that a pod must not do: in short, and where it does it.
struct violation {
  std::string reason, detail;
};

/// What breaks the standard, in the order of messages. `metadata` and `spec` are a pod's or a pod
/// template's.
std::vector<violation> check_pod_security(const security_standard& standard,
                                          const json::value& metadata, const json::value& spec);

/// "reason (detail), reason (detail)"
std::string describe(const std::vector<violation>& v);
/// "reason, reason"
std::string reasons_of(const std::vector<violation>& v);

} // namespace thespis::api::admission
