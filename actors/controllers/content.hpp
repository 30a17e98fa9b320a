// The resources of the API as the controllers see them that look after everything.
#pragma once

#include "actors/framework/reconciler.hpp"

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

/// Built-in resources that hold objects, each once, in the order of discovery.
const std::vector<content_resource>& content_resources();

/// The resource of an owner reference's apiVersion and kind; nullptr when the API has none.
const content_resource* find_content_resource(std::string_view api_version, std::string_view kind);

/// metadata.finalizers.
std::vector<std::string> finalizers_of(const api::object& o);

/// Writes metadata.finalizers of exactly this revision.
api::call set_finalizers_call(const api::object& o, const std::vector<std::string>& finalizers);

} // namespace thespis::actors
