// What the usage actor says: nothing, it fills a usage_book (usage_state.hpp).
#pragma once

#include "runtime/actor_base.hpp"

#include <string_view>

namespace thespis::actors {

/// INTERNAL: time to ask the nodes.
struct ask_usage {};

// clang-format off
using usage_handle = caf::typed_actor<
  /// INTERNAL
  caf::reacts_to<ask_usage>>;
// clang-format on

inline constexpr std::string_view usage_role = "usage";

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ask_usage&) {
  return f();
}

} // namespace thespis::actors
