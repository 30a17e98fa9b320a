// Deployments: one ReplicaSet a pod template, and the way from one template to the next.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <memory>

namespace thespis::actors {

/// Keys are Deployments. Semantics are Kubernetes' apps/v1 (Deployment concepts page): rolling
/// update and recreate, revisions, pause, proportional scaling, progress deadline.
std::unique_ptr<reconciler> make_deployment_controller();

} // namespace thespis::actors
