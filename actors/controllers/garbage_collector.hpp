// Deletes what nobody owns any more, by metadata.ownerReferences.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/schema/schema.hpp"

#include <memory>

namespace thespis::actors {

/// Keys are objects of any resource (see garbage_key). Semantics are Kubernetes': background,
/// foreground (finalizer foregroundDeletion, blockOwnerDeletion) and orphan (finalizer orphan).
/// An owner counts as gone only after the API said so: what the view does not show yet may exist.
/// `schemas` tells what may own and be owned; null: the built-in kinds.
std::unique_ptr<reconciler>
make_garbage_collector(std::shared_ptr<const api::schema::registry> schemas = nullptr);

/// The key of an object: its namespace, and its resource and name.
object_id garbage_key(const api::object& o);

} // namespace thespis::actors
