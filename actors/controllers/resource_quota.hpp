// Keeps the status of ResourceQuotas: what they limit, and how much of it is used. Admission does
// not wait for it: it counts by itself (api/admission/quota_ledger.hpp).
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/schema/schema.hpp"

#include <memory>

namespace thespis::actors {

/// Keys are ResourceQuotas. Without `schemas` it counts the built-in kinds.
std::unique_ptr<reconciler>
make_resource_quota_controller(std::shared_ptr<const api::schema::registry> schemas = nullptr);

} // namespace thespis::actors
