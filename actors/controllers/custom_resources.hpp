// CustomResourceDefinitions: accepts their names, has their resources served, and deletes all
// instances of one that is deleted.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/schema/schema.hpp"

#include <memory>
#include <string>
#include <vector>

namespace thespis::actors {

/// Where custom resources are served, as a port. Called by one controller at a time.
class resource_host {
public:
  virtual ~resource_host() = default;
  /// Serves what the definition defines from now on, as it defines it now. `ready` is false when
  /// not everything runs yet: ask again. Errors: what cannot be served and why.
  struct outcome {
    bool ready = false;
    std::string failure;
  };
  virtual outcome serve(const api::object& definition) = 0;
  /// Serves it no longer.
  virtual void withdraw(const std::string& definition) = 0;
  /// The stored objects of a resource.
  virtual std::vector<api::object_ptr> instances(const std::string& resource) const = 0;
};

struct custom_resource_deps {
  std::shared_ptr<resource_host> host;
  /// Tells which names are taken by built-in kinds.
  std::shared_ptr<const api::schema::registry> schemas;
};

/// Keys are CustomResourceDefinitions.
std::unique_ptr<reconciler> make_custom_resource_controller(custom_resource_deps deps);

} // namespace thespis::actors
