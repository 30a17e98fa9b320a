// What must hold of roles and bindings, beyond what each field's schema says.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

void validate_role(const json::value& role, findings& f);
void validate_cluster_role(const json::value& role, findings& f);
void validate_role_binding(const json::value& binding, findings& f);
void validate_cluster_role_binding(const json::value& binding, findings& f);
/// A binding keeps its role.
void validate_binding_update(const json::value& now, const json::value& old, findings& f);

} // namespace thespis::api
