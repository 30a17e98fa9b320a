// What is particular about a resource's writes: a row of hooks, all optional. Everything else of
// a write is the same for every kind.
#pragma once

#include "api/result.hpp"
#include "api/validation/findings.hpp"

#include <string_view>

namespace thespis::api {

struct operation;

/// The hooks of one resource. `subresource` is that of the call ("" for the object itself).
struct strategy {
  std::string_view resource;
  /// PUT of a missing object creates it.
  bool create_on_update = false;
  /// An update may leave out the revision.
  bool unconditional_update = true;
  /// Deletion without a policy leaves the dependents alone (ReplicationControllers only).
  bool orphans_by_default = false;
  /// Makes the object ready to be created: after defaults, before validation.
  void (*prepare_create)(operation& op, json::document& obj) = nullptr;
  /// Keeps what this kind of update may not touch, by taking it from `old`.
  void (*prepare_update)(operation& op, json::document& obj, const json::value& old) = nullptr;
  /// `validate` has something to say about status, too.
  bool judges_status = false;
  /// What must hold of any object.
  void (*validate)(const json::value& obj, findings& f) = nullptr;
  /// What must hold of a change.
  void (*validate_update)(const operation& op, const json::value& obj, const json::value& old,
                          findings& f) = nullptr;
  /// What only holds of new objects.
  void (*validate_create)(const json::value& obj, findings& f) = nullptr;
  /// Claims what must be unique in the cluster: last, when the object is otherwise good. `old` is
  /// null on create.
  result<void> (*allocate)(operation& op, json::document& obj, const json::value* old) = nullptr;
};

/// The strategy of a resource; an empty one for resources without particulars.
const strategy& strategy_of(std::string_view resource);

} // namespace thespis::api
