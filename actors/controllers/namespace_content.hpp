// Namespaces on their way out: everything in them is deleted, then they are let go.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/schema/schema.hpp"

#include <memory>

namespace thespis::actors {

/// Keys are Namespaces. What hinders the end stands in the Namespace's conditions. `schemas` tells
/// what may be in one; null: the built-in kinds.
std::unique_ptr<reconciler>
make_namespace_controller(std::shared_ptr<const api::schema::registry> schemas = nullptr);

} // namespace thespis::actors
