// The one way errors are made in this folder. Internal to the container runtime.
#pragma once

#include "api/error.hpp"

#include <string>
#include <utility>

namespace thespis::runtime {

inline api::error make_error(api::reason why, std::string message) {
  api::error e;
  e.why = why;
  e.message = std::move(message);
  return e;
}

} // namespace thespis::runtime
