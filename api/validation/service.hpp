// What must hold of Services, beyond what each field's schema says.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

void validate_service(const json::value& service, findings& f);
/// What must hold of what a write of the status brought.
void validate_service_status(const json::value& service, findings& f);
void validate_service_update(const json::value& service, const json::value& old, findings& f);

/// Whether a Service (its spec and that of before) would have fewer addresses or families.
bool drops_second_family(const json::value& spec, const json::value& before);
/// Whether this is a Service without an address of its own (clusterIP None).
bool is_headless(const json::value& spec);
/// Whether Services of this type have cluster addresses (all but ExternalName).
bool needs_cluster_ip(const json::value& spec);
/// Whether Services of this type have node ports.
bool needs_node_port(const json::value& spec);
/// Whether load balancers ask nodes if they have pods of it.
bool needs_health_check_port(const json::value& spec);

} // namespace thespis::api
