// Which names of a CustomResourceDefinition are free. Internal to actors/controllers.
#pragma once

#include "actors/framework/view.hpp"
#include "api/json.hpp"
#include "api/schema/schema.hpp"

#include <string>

namespace thespis::actors {

/// What became of a definition's names.
struct name_verdict {
  api::json::document accepted; ///< status.acceptedNames
  bool all_accepted = true;
  std::string reason = "NoConflicts"; ///< of the condition NamesAccepted
  std::string message = "no conflicts found";
};

/// Compares the names that `crd` wants with those that others of its group have. `schemas` has the
/// built-in kinds; may be null.
name_verdict judge_names(const api::json::value& crd, const std::string& name, const view& v,
                         const api::schema::registry* schemas);

} // namespace thespis::actors
