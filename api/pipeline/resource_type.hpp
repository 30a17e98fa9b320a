// The facts about a resource that its writes depend on.
#pragma once

#include "api/schema/schema.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace thespis::api {

/// When metadata.generation grows.
enum class generation_rule : uint8_t {
  none,                 ///< the kind has no generation
  spec,                 ///< with every change of spec
  spec_and_annotations, ///< with every change of spec or of annotations
  content,              ///< with every change outside metadata and status
};

/// One resource of the API.
struct resource_type {
  schema::resource_ptr schema;
  std::string resource;    ///< group resource: "deployments.apps"
  std::string kind;        ///< "Deployment"
  std::string version;     ///< "v1"
  std::string api_version; ///< "apps/v1"
  std::string group_kind;  ///< "Deployment.apps", as Kubernetes' messages name kinds
  std::string name_format; ///< of metadata.name
  bool namespaced = true;
  bool has_status = false; ///< status is a subresource
  /// A new object starts with an empty status, whatever the client says. (Nodes bring theirs.)
  bool fresh_status = false;
  generation_rule generation = generation_rule::none;

  const schema::struct_type& type() const { return *schema->type; }
};

/// nullptr when the API has no such resource. The result lives as long as the process.
const resource_type* find_resource_type(std::string_view resource);

} // namespace thespis::api
