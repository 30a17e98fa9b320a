// Who the pods of a StatefulSet are: names, numbers, claims and versions. Pure functions of
// generated structs.
#pragma once

#include "actors/controllers/pods_of.hpp"
#include "api/generated/apps_v1.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::actors::stateful {

using api::v1::stateful_set;

int32_t first_ordinal(const stateful_set& s);
int32_t replicas(const stateful_set& s);
/// One after another, rather than all at once.
bool is_ordered(const stateful_set& s);
/// Whether the controller replaces old pods itself.
bool is_rolling(const stateful_set& s);
/// Pods numbered below this keep the current version.
int32_t partition(const stateful_set& s);

std::string pod_name(const stateful_set& s, int32_t ordinal);
/// The number in a pod's name; nothing when the name is not one of the set's.
std::optional<int32_t> ordinal_of(const stateful_set& s, std::string_view pod);

/// The pod of that number, made of `pods`.
api::v1::pod make_pod(const stateful_set& s, const api::v1::pod_template_spec& pods,
                      const std::string& revision, int32_t ordinal);
/// The claims that the pod of that number mounts.
std::vector<api::v1::persistent_volume_claim> claims_of(const stateful_set& s, int32_t ordinal);

/// Whether the pod's labels say who it is.
bool has_identity(const stateful_set& s, const api::v1::pod& p, int32_t ordinal);

/// The version that a pod was made of.
std::string revision_of(const api::v1::pod& p);

/// Whether the set makes claims of that name.
bool is_claim_of(const stateful_set& s, std::string_view claim);

/// Whether the claim goes with an earlier pod of that name.
bool is_stale(const api::v1::persistent_volume_claim& c, const std::string& pod);

/// Makes the pod, the set or neither own the claim, as the set's retention policy says; `surplus`:
/// the pod is beyond the set's scale. Other owners stay. True when something changed.
bool set_owners(const stateful_set& s, const api::v1::pod& p, bool surplus,
                api::v1::persistent_volume_claim& c);

} // namespace thespis::actors::stateful
