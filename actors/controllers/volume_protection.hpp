// Lets claims and volumes go once nobody uses them: takes the finalizers away that admission has
// given them.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <memory>

namespace thespis::actors {

/// Keys are PersistentVolumeClaims. One is in use as long as there is a pod with a node that names
/// it.
std::unique_ptr<reconciler> make_claim_protection();

/// Keys are PersistentVolumes. One is in use while it is bound.
std::unique_ptr<reconciler> make_volume_protection();

} // namespace thespis::actors
