// Publishes the authority that vouches for the API server as a ClusterTrustBundle of the signer
// kubernetes.io/kube-apiserver-serving: what pods trust without a ConfigMap in every namespace.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <memory>
#include <string>

namespace thespis::actors {

struct trust_bundle_publisher_deps {
  std::string root_ca; ///< PEM
};

/// There is one key, the signer. Bundles of that signer that say anything else are deleted.
std::unique_ptr<reconciler> make_trust_bundle_publisher(const trust_bundle_publisher_deps& deps);

} // namespace thespis::actors
