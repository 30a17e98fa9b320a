// Making room for a pod by ending less important ones.
#pragma once

#include "actors/scheduler/filters.hpp"

#include <functional>
#include <string>
#include <vector>

namespace thespis::actors {

/// Somebody who has to go.
struct victim {
  std::string uid;
  std::string ns;
  std::string name;
};

struct preemption_plan {
  std::string node; ///< empty: nothing can be done
  std::vector<victim> victims;
  std::string message; ///< why not: "preemption: 0/3 nodes are available: ..."
};

/// Does the pod fit on the node, with what is in the cache now?
using fit_check = std::function<bool(const node_info& n)>;

/// Chooses as Kubernetes does: fewest violated budgets, then the lowest most important victim, the
/// smallest sum of priorities, the fewest victims, the latest started. `final` are nodes where
/// nothing would help. The cache is changed while it thinks, and as before afterwards.
preemption_plan plan_preemption(scheduling_cache& cache, const pod_info& p,
                                const std::set<std::string>& final, size_t start,
                                const fit_check& fits);

} // namespace thespis::actors
