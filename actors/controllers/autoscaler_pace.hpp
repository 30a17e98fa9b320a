// How fast an autoscaler follows what its metrics call for: stabilization, limits and policies.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/generated/autoscaling_v2.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace thespis::actors::autoscaling {

/// What is wanted and what the last decisions were; a restart forgets them, as in Kubernetes.
struct memory {
  struct entry {
    wall_time when{};
    int32_t count = 0;
    bool outdated = false;
  };
  std::vector<entry> recommendations; ///< what metrics called for
  std::vector<entry> ups;             ///< replicas added
  std::vector<entry> downs;           ///< replicas removed
};

/// A condition's reason and message.
struct remark {
  std::string reason;
  std::string message;
};

/// What comes of a recommendation.
struct pace {
  int32_t replicas = 0;
  remark able_to_scale; ///< always True
  bool limited = false; ///< status of ScalingLimited
  remark limit;
};

/// Holds a recommendation within what the autoscaler allows now, and remembers it.
pace hold(const api::v1::horizontal_pod_autoscaler& hpa, memory& past, int32_t current,
          int32_t recommended, wall_time now);

/// Remembers a change of the number, where policies will ask for it.
void remember_change(const api::v1::horizontal_pod_autoscaler& hpa, memory& past, int32_t before,
                     int32_t after, wall_time now);

} // namespace thespis::actors::autoscaling
