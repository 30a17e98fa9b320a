// What anybody may read to find the cluster: the ConfigMap kube-public/cluster-info.
#pragma once

#include "tools/cluster/cluster.hpp"

#include <string>

namespace thespis::tools {

/// Writes where the API is and by whom it is vouched for (PEM), as a kubeconfig without a user,
/// and lets everybody read it; whoever knows a bootstrap token can tell by its signature that it is
/// true (actors/controllers/bootstrap_signer.hpp). Blocks.
void publish_cluster_info(cluster& c, const std::string& ca, const std::string& server);

} // namespace thespis::tools
