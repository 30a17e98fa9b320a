// Deletes what extension servers keep in namespaces that end.
#pragma once

#include "actors/controllers/namespace_content.hpp"
#include "tools/cluster/extension_servers.hpp"

namespace thespis::tools {

using extension_content_deps = extension_servers_deps;

/// Asks the servers on threads of the pool, as Kubernetes' namespace controller. Thread-safe.
class extension_content final : public actors::foreign_content {
public:
  explicit extension_content(extension_content_deps deps);

  answer clear(const std::string& ns) override;

private:
  struct state;
  std::shared_ptr<state> state_; ///< shared with the threads that ask
};

} // namespace thespis::tools
