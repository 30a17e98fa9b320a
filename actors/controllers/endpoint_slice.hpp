// EndpointSlices of Services with a selector: who is behind them, in pieces of bounded size.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <memory>

namespace thespis::actors {

/// The label by which slices are found, and the value of the one that says whose they are.
inline constexpr std::string_view service_name_label = "kubernetes.io/service-name";
inline constexpr std::string_view slice_manager_label = "endpointslice.kubernetes.io/managed-by";
inline constexpr std::string_view slice_manager = "endpointslice-controller.k8s.io";

struct endpoint_slice_deps {
  size_t max_endpoints = 100; ///< of one slice
};

/// Keys are Services. Slices change as little as the endpoints do: an endpoint stays in its
/// slice, a new one goes where there is room.
std::unique_ptr<reconciler> make_endpoint_slice_controller(const endpoint_slice_deps& deps = {});

} // namespace thespis::actors
