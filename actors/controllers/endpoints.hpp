// Endpoints: all addresses behind a Service in one object, as older clients read them.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <memory>

namespace thespis::actors {

/// Keys are Services; their Endpoints have the same name.
std::unique_ptr<reconciler> make_endpoints_controller();

} // namespace thespis::actors
