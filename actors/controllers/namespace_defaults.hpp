// What every namespace comes with: the ServiceAccount `default`, and the cluster's CA certificate
// in the ConfigMap `kube-root-ca.crt`.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <memory>
#include <string>

namespace thespis::actors {

struct namespace_defaults_deps {
  std::string root_ca; ///< PEM; empty: no ConfigMap
};

/// Keys are Namespaces.
std::unique_ptr<reconciler> make_namespace_defaults(const namespace_defaults_deps& deps = {});

} // namespace thespis::actors
