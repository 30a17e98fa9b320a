// What a link may read beyond what the user of its machine may read through REST.
#pragma once

#include "api/object/object.hpp"
#include "api/pipeline/reader.hpp"

#include <string_view>

namespace thespis::runtime::link {

/// What NetworkPolicies ask about a pod, and nothing else of it: identity, labels, node, addresses,
/// phase, ports. Null when it cannot be read.
api::object_ptr brief_pod(const api::object& pod);

/// Whether an Ingress of the built-in entry proves itself with that Secret, which is a certificate.
bool ingress_shows(const api::reader& state, std::string_view ns, std::string_view secret);

} // namespace thespis::runtime::link
