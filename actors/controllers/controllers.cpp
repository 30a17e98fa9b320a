#include "actors/controllers/controllers.hpp"

#include "actors/controllers/deployment.hpp"
#include "actors/controllers/endpoint_slice.hpp"
#include "actors/controllers/endpoints.hpp"
#include "actors/controllers/replication.hpp"

namespace thespis::actors {

std::vector<controller_entry> all_controllers(const runtime::environment& env) {
  return {
      {"deployment", [] { return make_deployment_controller(); }},
      {"replicaset", [random = env.random] { return make_replica_set_controller(random); }},
      {"replication", [random = env.random] { return make_replication_controller(random); }},
      {"endpointslice", [] { return make_endpoint_slice_controller(); }},
      {"endpoints", [] { return make_endpoints_controller(); }},
  };
}

} // namespace thespis::actors
