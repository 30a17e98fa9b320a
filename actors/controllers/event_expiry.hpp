// Events that are old enough to be forgotten.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <chrono>
#include <memory>

namespace thespis::actors {

struct event_expiry_deps {
  /// An Event lives so long after it last happened.
  std::chrono::nanoseconds ttl = std::chrono::hours{1};
};

/// Keys are Events.
std::unique_ptr<reconciler> make_event_expiry(const event_expiry_deps& deps = {});

} // namespace thespis::actors
