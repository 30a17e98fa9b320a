// EndpointSlices of Endpoints that people write themselves, for Services without a selector.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <memory>

namespace thespis::actors {

/// Marks Endpoints that nobody mirrors.
inline constexpr std::string_view skip_mirror_label = "endpointslice.kubernetes.io/skip-mirror";
inline constexpr std::string_view slice_mirror = "endpointslicemirroring-controller.k8s.io";

/// Keys are Endpoints, which share names with their Services. One slice for each family of
/// addresses and set of ports, of at most 1000 endpoints as Kubernetes has it.
std::unique_ptr<reconciler> make_endpoint_slice_mirroring();

} // namespace thespis::actors
