// Who may link to the cluster, and what a machine's link may read.
#pragma once

#include "tools/cluster/cluster.hpp"

namespace thespis::tools {

/// Creates the roles and bindings that machines need to join and to be linked, where they are
/// missing; whoever owns the cluster may change them. Blocks.
void ensure_link_policy(cluster& c);

} // namespace thespis::tools
