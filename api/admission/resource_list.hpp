// Amounts by resource name, and what a pod adds up to.
#pragma once

#include "api/json.hpp"
#include "api/text/quantity.hpp"

#include <map>
#include <string>

namespace thespis::api::admission {

using resource_list = std::map<std::string, quantity>;

/// A map of quantities in JSON; malformed ones are left out.
resource_list read_resources(const json::value& map);

/// The sum, name by name.
void add(resource_list& into, const resource_list& more);
/// The greater of both, name by name.
void raise(resource_list& into, const resource_list& other);

/// What a pod needs while it runs: all containers with the sidecars, or the init container that
/// needs most with the sidecars before it; what the pod asks for as a whole goes first. `kind` is
/// "requests" or "limits". The overhead of its RuntimeClass is added where `overhead` says so (to
/// limits only those there are).
resource_list pod_resources(const json::value& pod_spec, std::string_view kind, bool overhead);

} // namespace thespis::api::admission
