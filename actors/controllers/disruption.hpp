// PodDisruptionBudgets: how many of an application's pods may be taken away on purpose now.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <memory>

namespace thespis::actors {

/// Keeps the status of every budget; evictions ask it (api/pipeline/eviction.cpp).
std::unique_ptr<reconciler> make_disruption_controller();

} // namespace thespis::actors
