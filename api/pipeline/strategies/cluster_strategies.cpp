// Nodes, Events, Leases, Endpoints and EndpointSlices.
#include "api/pipeline/strategies/strategies.hpp"
#include "api/validation/event.hpp"
#include "api/validation/network.hpp"
#include "api/validation/node.hpp"

namespace thespis::api {

std::vector<strategy> cluster_strategies() {
  strategy node;
  node.resource = "nodes";
  node.judges_status = true;
  node.validate = validate_node;
  node.validate_update = [](const operation&, const json::value& now, const json::value& old,
                            findings& f) { validate_node_update(now, old, f); };

  strategy event;
  event.resource = "events";
  event.create_on_update = true;
  event.validate = validate_event;

  strategy newer_event;
  newer_event.resource = "events.events.k8s.io";
  newer_event.create_on_update = true;

  strategy lease;
  lease.resource = "leases.coordination.k8s.io";
  lease.create_on_update = true;
  lease.unconditional_update = false;
  lease.validate = validate_lease;

  strategy endpoints;
  endpoints.resource = "endpoints";
  endpoints.create_on_update = true;
  endpoints.validate = validate_endpoints;

  strategy slice;
  slice.resource = "endpointslices.discovery.k8s.io";
  slice.validate = validate_endpoint_slice;
  return {node, event, newer_event, lease, endpoints, slice};
}

} // namespace thespis::api
