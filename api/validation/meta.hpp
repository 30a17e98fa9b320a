// What must hold of metadata, whatever the kind.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

/// Says what is wrong with a name, or a generateName when `prefix`; empty when nothing is.
using name_check = std::string (*)(std::string_view name, bool prefix);

/// Checks a new object's metadata. `check_name` may be null: the name is then held only to what a
/// path segment must be.
void validate_metadata(const json::value& doc, bool namespaced, name_check check_name, findings& f);

/// Checks the metadata of a change: what never changes, and what may be added.
void validate_metadata_update(const json::value& doc, const json::value& old, findings& f);

} // namespace thespis::api
