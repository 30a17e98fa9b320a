// What of a policy's expressions does not fit the types of the objects it is about.
#pragma once

#include "api/json.hpp"
#include "api/schema/schema.hpp"

#include <string>
#include <vector>

namespace thespis::api::admission {

/// An entry of status.typeChecking.expressionWarnings.
struct type_warning {
  std::string field; ///< "spec.validations[0].expression"
  std::string warning;
};

/// Checks the validations of a ValidatingAdmissionPolicy against each kind that its rules name
/// without wildcards, at most ten, as Kubernetes does.
std::vector<type_warning> check_types(const json::value& policy, const schema::registry& schemas);

} // namespace thespis::api::admission
