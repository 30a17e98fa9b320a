#include "api/pipeline/resource_type.hpp"

#include <array>

namespace thespis::api {

const resource_type* find_resource_type(std::string_view resource) {
  using enum generation_rule;
  static const std::array<resource_type, 15> types{{
      {"bindings", "Binding", "", "v1", true, false, none},
      {"configmaps", "ConfigMap", "", "v1", true, false, none},
      {"deployments.apps", "Deployment", "apps", "v1", true, true, spec},
      {"endpoints", "Endpoints", "", "v1", true, false, none},
      {"endpointslices.discovery.k8s.io", "EndpointSlice", "discovery.k8s.io", "v1", true, false,
       content},
      {"events", "Event", "", "v1", true, false, none},
      {"leases.coordination.k8s.io", "Lease", "coordination.k8s.io", "v1", true, false, none},
      {"namespaces", "Namespace", "", "v1", false, true, none},
      {"nodes", "Node", "", "v1", false, true, none},
      {"pods", "Pod", "", "v1", true, true, spec},
      {"replicasets.apps", "ReplicaSet", "apps", "v1", true, true, spec},
      {"replicationcontrollers", "ReplicationController", "", "v1", true, true, spec},
      {"secrets", "Secret", "", "v1", true, false, none},
      {"serviceaccounts", "ServiceAccount", "", "v1", true, false, none},
      {"services", "Service", "", "v1", true, true, none},
  }};
  for (const auto& t : types)
    if (t.resource == resource)
      return &t;
  return nullptr;
}

} // namespace thespis::api
