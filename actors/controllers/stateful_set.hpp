// The StatefulSet controller: pods with lasting names, numbers and claims, begun and ended in
// order. Follows apps/v1 StatefulSet.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <memory>

namespace thespis::actors {

std::unique_ptr<reconciler> make_stateful_set_controller();

} // namespace thespis::actors
