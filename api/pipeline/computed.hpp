// Resources whose objects are worked out when somebody asks, and never stored.
#pragma once

#include "api/schema/schema.hpp"

namespace thespis::api {

/// True of actors.thespis.dev and of what nodes and pods use.
inline bool is_computed(const schema::resource& r) {
  return r.group == "thespis.dev" || r.group == "metrics.k8s.io";
}

} // namespace thespis::api
