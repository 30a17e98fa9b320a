// Keeps the index that authorization decides from in step with roles and bindings.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/auth/policy.hpp"

#include <memory>

namespace thespis::actors {

struct access_index_deps {
  std::shared_ptr<api::auth::policy> policy;
};

/// Keys are namespaces whose bindings changed; the empty one is the cluster's. A busy scope is
/// indexed at most every 20 ms. Writes nothing.
std::unique_ptr<reconciler> make_access_index(const access_index_deps& deps);

} // namespace thespis::actors
