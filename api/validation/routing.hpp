// What must hold of Ingresses, IngressClasses, NetworkPolicies, IPAddresses and ServiceCIDRs,
// beyond what each field's schema says.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

void validate_ingress(const json::value& ingress, findings& f);
void validate_new_ingress(const json::value& ingress, findings& f);
void validate_ingress_class(const json::value& c, findings& f);
void validate_ingress_class_update(const json::value& now, const json::value& old, findings& f);
void validate_network_policy(const json::value& policy, findings& f);
void validate_ip_address(const json::value& address, findings& f);
void validate_service_cidr(const json::value& block, findings& f);
void validate_service_cidr_update(const json::value& now, const json::value& old, findings& f);

} // namespace thespis::api
