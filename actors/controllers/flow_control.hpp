// Keeps priority and fairness in step with FlowSchemas and PriorityLevelConfigurations.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/fairness/gate.hpp"

#include <memory>

namespace thespis::actors {

struct flow_control_deps {
  std::shared_ptr<api::fairness::gate> gate; ///< not null
};

/// All objects together are one key. Makes Kubernetes' own objects when they are missing, tells the
/// gate of every change, and says in the Dangling condition of a schema whether its level exists.
std::unique_ptr<reconciler> make_flow_control(const flow_control_deps& deps);

} // namespace thespis::actors
