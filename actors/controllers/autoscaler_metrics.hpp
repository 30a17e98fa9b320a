// Where an autoscaler's measures come from, and what one metric of its specification calls for.
#pragma once

#include "actors/controllers/autoscaler_replicas.hpp"
#include "actors/usage/usage_state.hpp"
#include "api/generated/autoscaling_v2.hpp"
#include "api/pipeline/reader.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace thespis::actors {

/// What extension servers measure. Answers come later: nullopt means to ask again soon.
class metric_source {
public:
  virtual ~metric_source() = default;
  /// The JSON of that path below the group, in the version that is served:
  /// "external.metrics.k8s.io", "/namespaces/default/queue". Errors: not_found without a message
  /// when nobody serves the group; who does cannot be asked, or what it said.
  virtual std::optional<api::result<std::string>> ask(const std::string& group,
                                                      const std::string& path) = 0;
};

} // namespace thespis::actors

namespace thespis::actors::autoscaling {

/// What the metrics of one autoscaler are judged by.
struct scene {
  std::string ns;
  pod_list pods;       ///< all that the target's selector selects
  int32_t current = 0; ///< replicas that the target wants now
  int32_t present = 0; ///< replicas that there are
  wall_time now{};
  const usage_book* usage = nullptr;
  metric_source* source = nullptr; ///< null: nobody measures anything else
  std::string selector;            ///< of the pods, as a query
};

/// What one metric called for.
struct finding {
  int32_t replicas = 0;
  std::string name; ///< "cpu resource utilization (percentage of request)"
  api::v1::metric_status status;
};

struct failure {
  std::string reason;   ///< of the condition: "FailedGetResourceMetric"
  std::string told;     ///< what went wrong, for the condition and an event
  std::string summary;  ///< the same as part of a longer account
  bool pending = false; ///< nothing went wrong: the answer is not there yet
};

/// Exactly one of both is set.
struct judgement {
  std::optional<finding> found;
  std::optional<failure> failed;
};
judgement judge(const api::v1::metric_spec& metric, const scene& s);

} // namespace thespis::actors::autoscaling
