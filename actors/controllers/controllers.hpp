// All built-in controllers, for the composition root.
#pragma once

#include "actors/controllers/access_index.hpp"
#include "actors/controllers/api_services.hpp"
#include "actors/controllers/autoscaler.hpp"
#include "actors/controllers/certificate_signing.hpp"
#include "actors/controllers/custom_resources.hpp"
#include "actors/controllers/endpoint_slice.hpp"
#include "actors/controllers/event_expiry.hpp"
#include "actors/controllers/flow_control.hpp"
#include "actors/controllers/namespace_content.hpp"
#include "actors/controllers/namespace_defaults.hpp"
#include "actors/controllers/node_ipam.hpp"
#include "actors/controllers/node_lifecycle.hpp"
#include "actors/controllers/pod_garbage.hpp"
#include "actors/controllers/service_account_token.hpp"
#include "actors/controllers/service_balancer.hpp"
#include "actors/controllers/service_ranges.hpp"
#include "actors/controllers/trust_bundle_publisher.hpp"
#include "actors/controllers/volume_binder.hpp"
#include "actors/framework/reconciler.hpp"
#include "runtime/environment.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace thespis::actors {

struct controller_entry {
  std::string name;
  std::function<std::unique_ptr<reconciler>()> make;
};

/// What users can set about the controllers; the defaults are Kubernetes'.
struct controller_tunables {
  endpoint_slice_deps endpoint_slices = {};
  node_lifecycle_deps nodes = {};
  pod_garbage_deps pod_garbage = {};
  namespace_defaults_deps namespaces = {};
  trust_bundle_publisher_deps trust_bundles = {}; ///< without an authority: not run
  event_expiry_deps events = {};
  service_cidr_deps service_ranges = {};
  service_balancer_deps service_balancer = {};
  bool serve_ingresses = true;                   ///< false: there is no built-in HTTP entry
  bool balance_services = true;                  ///< false: LoadBalancers are somebody else's
  service_account_token_deps token_secrets = {}; ///< without tokens: not run
  certificate_signing_deps signing = {};         ///< without an authority: not run
  /// Nothing: nodes get no pod addresses.
  std::optional<node_ipam_deps> node_ipam = {};
  volume_binder_deps volumes = {};
  access_index_deps access = {};   ///< without a policy: nothing to keep in step
  autoscaler_deps autoscaler = {}; ///< without a state: not run
  flow_control_deps flows = {};    ///< without a gate: nothing to keep in step
  /// Null: no custom resources are served.
  std::shared_ptr<resource_host> resources = nullptr;
  api_service_deps api_services = {}; ///< without a host: not run
  /// What other API servers keep in namespaces; null: there are none.
  std::shared_ptr<foreign_content> foreign = nullptr;
};

/// A new reconciler is made at each start of its actor.
std::vector<controller_entry> all_controllers(const runtime::environment& env,
                                              const controller_tunables& tunables = {});

} // namespace thespis::actors
