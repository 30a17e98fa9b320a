// What a pod says about other pods: affinity and spreading, with its selectors ready to match.
#pragma once

#include "api/generated/core_v1_pod.hpp"
#include "api/object/object.hpp"
#include "api/text/labels.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace thespis::actors {

/// Labels of namespaces, by name.
using namespace_labels = std::map<std::string, api::label_set>;

/// One term of pod affinity or anti-affinity.
struct affinity_term {
  std::vector<std::string> namespaces;                 ///< by name
  std::optional<api::label_selector> namespace_labels; ///< and those with such labels
  api::label_selector selector;
  std::string topology_key;
  int64_t weight = 0; ///< of a preferred one

  bool matches(const std::string& ns, const api::label_set& labels,
               const actors::namespace_labels& known) const;
};

/// One topology spread constraint.
struct spread_rule {
  int32_t max_skew = 1;
  int32_t min_domains = 1;
  std::string topology_key;
  api::label_selector selector;
  bool honors_affinity = true; ///< nodes that the pod's node affinity excludes do not count
  bool honors_taints = false;  ///< nor do those whose taints it does not tolerate
};

struct pod_terms {
  std::vector<affinity_term> near;     ///< required affinity
  std::vector<affinity_term> far;      ///< required anti-affinity
  std::vector<affinity_term> liked;    ///< preferred affinity
  std::vector<affinity_term> disliked; ///< preferred anti-affinity
  std::vector<spread_rule> spread;     ///< DoNotSchedule
  std::vector<spread_rule> wished;     ///< ScheduleAnyway

  /// Whether it says something about neighbours that later pods must be judged by.
  bool concerns_others() const {
    return !near.empty() || !far.empty() || !liked.empty() || !disliked.empty();
  }
};

/// Null for a pod that says nothing of the kind.
std::shared_ptr<const pod_terms> read_terms(const api::object& o, const api::v1::pod_spec& spec);

} // namespace thespis::actors
