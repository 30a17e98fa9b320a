// What must hold of Nodes, beyond what each field's schema says.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

void validate_node(const json::value& node, findings& f);
void validate_node_update(const json::value& node, const json::value& old, findings& f);

} // namespace thespis::api
