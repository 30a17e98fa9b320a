// Resources whose objects are worked out when somebody asks, and never stored.
#pragma once

#include "api/schema/schema.hpp"

namespace thespis::api {

/// True of actors.thespis.dev.
inline bool is_computed(const schema::resource& r) {
  return r.group == "thespis.dev";
}

} // namespace thespis::api
