// Where Ingresses of the built-in HTTP entry are reached: the addresses of the nodes.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <memory>

namespace thespis::actors {

/// Keys are Ingresses. Those of classes of other controllers are left alone.
std::unique_ptr<reconciler> make_ingress_status_controller();

} // namespace thespis::actors
