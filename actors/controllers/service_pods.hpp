// What the EndpointSlice and the Endpoints controller have in common: which pods are behind a
// Service, and on which ports.
#pragma once

#include "actors/controllers/pods_of.hpp"
#include "api/generated/core_v1_service.hpp"

#include <optional>
#include <string>
#include <vector>

namespace thespis::actors {

/// Marks objects made for a headless Service.
inline constexpr std::string_view headless_label = "service.kubernetes.io/headless";

/// Whether the cluster finds the pods of this Service; others keep their endpoints by hand.
bool finds_pods(const api::v1::service& s);
bool is_headless(const api::v1::service& s);

/// A pod is news to all Services that select it or selected it before.
key_mapper services_of_pod();

/// The live pods that a Service selects and that have an address, in the order of their names.
/// Finished pods never count, those on their way out only when `with_terminating`.
std::vector<observed_pod> pods_behind(const observed<api::v1::service>& s, const view& v,
                                      bool with_terminating);

/// The pod's number of a Service's port: a name is looked up in its containers. Nothing when it
/// has no such port.
std::optional<int32_t> target_port(const api::v1::service_port& port, const api::v1::pod& p);

/// The name under which the pod is known below the Service's domain; empty when it has none.
std::string published_hostname(const api::v1::service& s, const api::v1::pod& p);

/// A reference to the pod as endpoints carry it.
api::v1::object_reference reference_to(const api::v1::pod& p);

} // namespace thespis::actors
