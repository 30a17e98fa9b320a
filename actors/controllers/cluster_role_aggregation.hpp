// Fills the rules of ClusterRoles that are made of others (admin, edit, view).
#pragma once

#include "actors/framework/reconciler.hpp"

#include <memory>

namespace thespis::actors {

/// Keys are ClusterRoles with an aggregation rule.
std::unique_ptr<reconciler> make_cluster_role_aggregation();

} // namespace thespis::actors
