// ReplicaSet and ReplicationController: keep that many pods of a template.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "runtime/environment.hpp"

#include <memory>

namespace thespis::actors {

std::unique_ptr<reconciler>
make_replica_set_controller(std::shared_ptr<runtime::random_port> random);
std::unique_ptr<reconciler>
make_replication_controller(std::shared_ptr<runtime::random_port> random);

} // namespace thespis::actors
