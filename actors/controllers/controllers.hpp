// All built-in controllers, for the composition root.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "runtime/environment.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace thespis::actors {

struct controller_entry {
  std::string name;
  std::function<std::unique_ptr<reconciler>()> make;
};

/// A new reconciler is made at each start of its actor.
std::vector<controller_entry> all_controllers(const runtime::environment& env);

} // namespace thespis::actors
