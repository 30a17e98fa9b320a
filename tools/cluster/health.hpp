// What /healthz, /livez and /readyz tell: checks under the names that Kubernetes' API server gives
// them, each by what stands behind it here.
#pragma once

#include "api/pipeline/reader.hpp"
#include "runtime/environment.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace thespis::tools {

/// Steps of the start ("poststarthook/...") are done for good once they were seen done: somebody
/// who deletes an object later makes nothing unhealthy. Everything else is looked at each time.
/// Thread-safe.
class health_monitor {
public:
  health_monitor(std::shared_ptr<runtime::directory> roles,
                 std::shared_ptr<const api::reader> state);

  /// Every check with why it fails; empty: it does not. Cheap: looks at roles and single objects.
  std::vector<std::pair<std::string, std::string>> checks() const;

private:
  std::shared_ptr<runtime::directory> roles_;
  std::shared_ptr<const api::reader> state_;
  std::unique_ptr<std::atomic<bool>[]> done_; ///< by step
};

} // namespace thespis::tools
