// The admission plug-in NodeRestriction: a node writes itself and its own pods.
#pragma once

#include "api/admission/plugin.hpp"

namespace thespis::api::auth {

/// Judges writes of users that are nodes; others it lets be.
admission::plugin_ptr node_restriction();

} // namespace thespis::api::auth
