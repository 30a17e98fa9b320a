// What must hold of Deployments, ReplicaSets and ReplicationControllers, beyond what each field's
// schema says.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

void validate_deployment(const json::value& d, findings& f);
void validate_replica_set(const json::value& rs, findings& f);
void validate_replication_controller(const json::value& rc, findings& f);

/// spec.selector does not change once it is made.
void validate_selector_kept(const json::value& now, const json::value& old, findings& f);

} // namespace thespis::api
