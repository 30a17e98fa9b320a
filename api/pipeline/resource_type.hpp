// The few facts about a resource that its writes depend on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace thespis::api {

/// When metadata.generation grows.
enum class generation_rule : uint8_t {
  none,    ///< the kind has no generation
  spec,    ///< with every change of spec
  content, ///< with every change outside metadata and status
};

/// One resource of the API.
struct resource_type {
  std::string resource; ///< group resource: "deployments.apps"
  std::string kind;     ///< "Deployment"
  std::string group;    ///< "apps"; empty for the core group
  std::string version;  ///< "v1"
  bool namespaced = true;
  bool has_status = false; ///< status is a subresource
  generation_rule generation = generation_rule::none;

  /// "apps/v1", or "v1" in the core group.
  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  /// "Deployment.apps", or "Pod" in the core group, as Kubernetes' messages name kinds.
  std::string group_kind() const { return group.empty() ? kind : kind + "." + group; }
};

/// nullptr when the API has no such resource. The result lives as long as the process.
const resource_type* find_resource_type(std::string_view resource);

} // namespace thespis::api
