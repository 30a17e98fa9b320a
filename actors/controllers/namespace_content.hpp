// Namespaces on their way out: everything in them is deleted, then they are let go.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/schema/schema.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace thespis::actors {

/// What hinders a namespace's end.
struct remaining_content {
  std::map<std::string, size_t> by_resource; ///< "pods.", "deployments.apps"
  std::map<std::string, size_t> by_finalizer;
  std::vector<std::string> undiscovered; ///< "sea.example.com/v1: why": what is there is not known
  std::vector<std::string> failures;     ///< why deletions were refused

  bool empty() const { return by_resource.empty() && undiscovered.empty() && failures.empty(); }
};

/// Deletes what other API servers keep in a namespace. Never waits: answers come with a later
/// question.
class foreign_content {
public:
  virtual ~foreign_content() = default;
  struct answer {
    bool known = false; ///< false: it is being deleted; to be asked again soon
    remaining_content left;
  };
  virtual answer clear(const std::string& ns) = 0;
};

struct namespace_deps {
  /// What may be in a namespace; null: the built-in kinds.
  std::shared_ptr<const api::schema::registry> schemas = nullptr;
  /// Null: there are no other API servers.
  std::shared_ptr<foreign_content> foreign = nullptr;
};

/// Keys are Namespaces. What hinders the end stands in the Namespace's conditions.
std::unique_ptr<reconciler> make_namespace_controller(namespace_deps deps = {});

} // namespace thespis::actors
