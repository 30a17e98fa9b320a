// HorizontalPodAutoscalers: as many replicas as what is measured calls for.
#pragma once

#include "actors/controllers/autoscaler_metrics.hpp"
#include "actors/framework/reconciler.hpp"
#include "api/schema/schema.hpp"

#include <memory>

namespace thespis::actors {

struct autoscaler_deps {
  /// Workloads of any kind are found here; null: not run.
  std::shared_ptr<const api::reader> state;
  std::shared_ptr<const api::schema::registry> schemas;
  std::shared_ptr<const usage_book> usage;
  std::shared_ptr<metric_source> source = nullptr; ///< null: there are resources alone
  std::chrono::seconds interval{15};
};

/// Keys are HorizontalPodAutoscalers; each is looked at every `interval`, and when it changes.
std::unique_ptr<reconciler> make_autoscaler(const autoscaler_deps& deps);

} // namespace thespis::actors
