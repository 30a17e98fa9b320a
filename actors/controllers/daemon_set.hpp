// The DaemonSet controller: one pod on each node that its template may run on, rolled node by
// node. Follows apps/v1 DaemonSet.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <memory>

namespace thespis::actors {

std::unique_ptr<reconciler> make_daemon_set_controller();

} // namespace thespis::actors
