// What must hold of a CustomResourceDefinition, in Kubernetes' words.
#pragma once

#include "api/json.hpp"
#include "api/validation/findings.hpp"

namespace thespis::api::crd {

/// Appends what is wrong with a definition, new or changed.
void check_definition(const json::value& crd, findings& f);

/// Appends what a change of a definition may not change.
void check_definition_update(const json::value& crd, const json::value& old, findings& f);

} // namespace thespis::api::crd
