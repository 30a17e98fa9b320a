// ValidatingAdmissionPolicies: says in their status what does not fit the types of objects.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/schema/schema.hpp"

#include <memory>

namespace thespis::actors {

/// `schemas` null: the built-in kinds.
std::unique_ptr<reconciler>
make_policy_status_controller(std::shared_ptr<const api::schema::registry> schemas);

} // namespace thespis::actors
