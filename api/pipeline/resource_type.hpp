// The facts about a resource that its writes depend on.
#pragma once

#include "api/schema/schema.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace thespis::api {

/// When metadata.generation grows.
enum class generation_rule : uint8_t {
  none,                 ///< the kind has no generation
  spec,                 ///< with every change of spec
  spec_and_annotations, ///< with every change of spec or of annotations
  content,              ///< with every change outside metadata and status
  all,                  ///< with every change outside metadata
};

/// One resource of the API.
struct resource_type {
  schema::resource_ptr schema;
  std::string resource;    ///< group resource: "deployments.apps"
  std::string stored;      ///< the group resource under which the store has it
  std::string kind;        ///< "Deployment"
  std::string version;     ///< "v1"
  std::string api_version; ///< "apps/v1"
  std::string group_kind;  ///< "Deployment.apps", as Kubernetes' messages name kinds
  std::string name_format; ///< of metadata.name
  bool namespaced = true;
  bool has_status = false; ///< status is a subresource
  /// A new object starts with an empty status, whatever the client says. (Nodes bring theirs.)
  bool fresh_status = false;
  /// Defined at run time.
  bool custom = false;
  generation_rule generation = generation_rule::none;

  const schema::struct_type& type() const { return *schema->type; }
};

using resource_type_ptr = std::shared_ptr<const resource_type>;

/// The resource types of a registry, described once for each of its generations. Thread-safe.
class resource_types {
public:
  explicit resource_types(std::shared_ptr<const schema::registry> schemas);
  ~resource_types();

  /// nullptr when the API has no such resource. An empty version means the one that is stored.
  resource_type_ptr find(std::string_view resource, std::string_view version = {}) const;
  const schema::registry& schemas() const { return *schemas_; }

private:
  struct table;
  std::shared_ptr<const table> current() const;

  std::shared_ptr<const schema::registry> schemas_;
  mutable std::mutex mutex_; ///< guards the pointer, not the table
  mutable std::shared_ptr<const table> table_;
};

} // namespace thespis::api
