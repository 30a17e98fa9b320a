// The resources of the API as the controllers see them that look after everything.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/schema/schema.hpp"

#include <memory>
#include <string>
#include <vector>

namespace thespis::actors {

/// A resource whose objects can be watched and deleted.
struct content_resource {
  std::string name; ///< "deployments.apps"
  std::string kind;
  std::string group;
  std::string plural;
  bool namespaced = true;
};

/// The resources that hold objects, each once, in the order of discovery; they come and go with
/// CustomResourceDefinitions. Not thread-safe: one controller owns it.
class content_catalog {
public:
  /// Null: the built-in kinds.
  explicit content_catalog(std::shared_ptr<const api::schema::registry> schemas);

  /// Valid until the next call.
  const std::vector<content_resource>& all();
  /// The resource of an owner reference's apiVersion and kind; nullptr when the API has none.
  const content_resource* find(std::string_view api_version, std::string_view kind);

private:
  std::shared_ptr<const api::schema::registry> schemas_;
  uint64_t generation_ = 0;
  std::vector<content_resource> known_;
};

using catalog_ptr = std::shared_ptr<content_catalog>;

/// metadata.finalizers.
std::vector<std::string> finalizers_of(const api::object& o);

/// Writes metadata.finalizers of exactly this revision.
api::call set_finalizers_call(const api::object& o, const std::vector<std::string>& finalizers);

} // namespace thespis::actors
