// CAF as Thespis configures it.
#pragma once

#include "runtime/environment.hpp"
#include "runtime/introspection.hpp"

#include <caf/actor_system_config.hpp>

#include <memory>

namespace thespis::runtime {

/// The configuration that every actor system of ours starts from. Registers the message types
/// of runtime/; components above add theirs with their own `register_messages`.
class system_config : public caf::actor_system_config {
public:
  /// `threads` of the actor scheduler; 0 for as many as the machine has cores.
  explicit system_config(size_t threads = 0);

  /// The table of the living actors; shared by the configuration's actor system.
  introspection_table& introspection() const { return *table_; }

private:
  std::shared_ptr<introspection_table> table_ = std::make_shared<introspection_table>();
};

/// Names the message types of runtime/ for the wire.
void register_runtime_messages(caf::actor_system_config& cfg);

} // namespace thespis::runtime
