// Namespaces on their way out: everything in them is deleted, then they are let go.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <memory>

namespace thespis::actors {

/// Keys are Namespaces. What hinders the end stands in the Namespace's conditions.
std::unique_ptr<reconciler> make_namespace_controller();

} // namespace thespis::actors
