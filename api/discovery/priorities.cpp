#include "api/discovery/priorities.hpp"

#include <map>

namespace thespis::api::discovery {

priority priority_of(std::string_view group, std::string_view version) {
  static const std::map<std::string_view, int32_t> groups = {
      {"apiregistration.k8s.io", 20000},
      {"", 18000},
      {"apps", 17800},
      {"events.k8s.io", 17750},
      {"authentication.k8s.io", 17700},
      {"authorization.k8s.io", 17600},
      {"autoscaling", 17500},
      {"batch", 17400},
      {"certificates.k8s.io", 17300},
      {"networking.k8s.io", 17200},
      {"policy", 17100},
      {"rbac.authorization.k8s.io", 17000},
      {"storage.k8s.io", 16800},
      {"apiextensions.k8s.io", 16700},
      {"admissionregistration.k8s.io", 16700},
      {"scheduling.k8s.io", 16600},
      {"coordination.k8s.io", 16500},
      {"node.k8s.io", 16300},
      {"discovery.k8s.io", 16200},
      {"flowcontrol.apiserver.k8s.io", 16100},
      {"resource.k8s.io", 15900},
      {"metrics.k8s.io", 100},
  };
  const auto g = groups.find(group);
  if (g == groups.end())
    return {};
  if (group.empty())
    return {g->second, 1};
  if (version == "v2")
    return {g->second, 30};
  return {g->second, version.find("beta") != std::string_view::npos ? 9 : 15};
}

} // namespace thespis::api::discovery
