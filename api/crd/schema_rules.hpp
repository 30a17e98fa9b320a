// What must hold of the schema of a custom resource itself. Internal to api/crd.
#pragma once

#include "api/json.hpp"
#include "api/validation/findings.hpp"

#include <string>

namespace thespis::api::crd {

/// Appends what keeps `schema` (openAPIV3Schema, at the path `at`) from being structural.
void check_schema(const json::value& schema, const std::string& at, findings& f);

} // namespace thespis::api::crd
