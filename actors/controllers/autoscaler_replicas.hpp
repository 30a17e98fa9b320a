// How many replicas a measure calls for. Pure: no clock, no cluster.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/generated/core_v1_pod.hpp"
#include "api/result.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::actors::autoscaling {

/// How far a ratio may be from 1 before anything happens.
constexpr double tolerance = 0.1;
/// A pod that started this lately may be busy with starting: its CPU counts once it is ready.
constexpr std::chrono::minutes cpu_initialization{5};
/// A pod that was never ready longer after its start than this is one that never was ready.
constexpr std::chrono::seconds initial_readiness_delay{30};

/// What one pod used; CPU in millicores, other resources in units.
struct pod_metric {
  int64_t value = 0;
  wall_time timestamp{};
  std::chrono::nanoseconds window{};
};
using pod_metrics = std::map<std::string, pod_metric>;

using pod_list = std::vector<std::shared_ptr<const api::v1::pod>>;

/// A proposal, and what it was made of.
struct proposal {
  int32_t replicas = 0;
  int32_t utilization = 0; ///< percent of what was asked for; of proposals by utilization
  int64_t average = 0;     ///< of a pod: CPU in millicores, other resources in units
};

/// Which pods count how.
struct pod_groups {
  int32_t ready = 0;
  std::set<std::string> unready; ///< pending, or their CPU is no measure yet
  std::set<std::string> missing; ///< they run, and nothing was measured
  std::set<std::string> ignored; ///< failed, or on their way out
};
pod_groups group_pods(const pod_list& pods, const pod_metrics& metrics, std::string_view resource,
                      wall_time now);

/// What is measured of pods: their use of a resource, in all containers or one.
struct resource_measure {
  std::string resource;  ///< "cpu"; empty: a metric that is no resource
  std::string container; ///< empty: all of the pod's
};

/// What each pod asked for. Errors, alone in `message`: a container asks for none of it.
api::result<std::map<std::string, int64_t>> requests_of(const pod_list& pods,
                                                        const resource_measure& what);

/// By the share of what pods asked for, `target` percent wanted. Errors, alone in `message`: what
/// makes that impossible, in Kubernetes' words.
api::result<proposal> by_utilization(int32_t current, int32_t target, pod_metrics metrics,
                                     const pod_list& pods, const resource_measure& what,
                                     wall_time now);

/// By the average of a pod, `target` wanted (both in the metric's units). Errors: likewise.
api::result<proposal> by_average(int32_t current, int64_t target, pod_metrics metrics,
                                 const pod_list& pods, const resource_measure& what, wall_time now);

/// By one value for all pods. Errors: likewise.
api::result<proposal> by_value(int32_t current, int64_t target, int64_t usage,
                               const pod_list& pods);

/// By one value that pods share evenly: `target` is one pod's part. `present` replicas share now.
proposal by_value_per_pod(int32_t present, int64_t target, int64_t usage);

} // namespace thespis::actors::autoscaling
