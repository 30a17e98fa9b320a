// Which PersistentVolume serves a claim: the rules that the binder and the scheduler share.
#pragma once

#include "api/generated/core_v1_node.hpp"
#include "api/generated/core_v1_persistent_volume.hpp"
#include "api/generated/core_v1_volume_claim.hpp"
#include "api/generated/storage_v1.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace thespis::actors {

namespace volume_notes {
constexpr const char* bind_completed = "pv.kubernetes.io/bind-completed";
constexpr const char* bound_by_controller = "pv.kubernetes.io/bound-by-controller";
constexpr const char* provisioned_by = "pv.kubernetes.io/provisioned-by";
constexpr const char* selected_node = "volume.kubernetes.io/selected-node";
constexpr const char* provisioner = "volume.kubernetes.io/storage-provisioner";
constexpr const char* beta_provisioner = "volume.beta.kubernetes.io/storage-provisioner";
constexpr const char* beta_class = "volume.beta.kubernetes.io/storage-class";
constexpr const char* default_class = "storageclass.kubernetes.io/is-default-class";
constexpr const char* no_provisioner = "kubernetes.io/no-provisioner";
} // namespace volume_notes

using volume_ptr = std::shared_ptr<const api::v1::persistent_volume>;

/// The class of a claim or a volume; empty without one.
std::string class_of(const api::v1::persistent_volume_claim& c);
std::string class_of(const api::v1::persistent_volume& v);

bool has_note(const api::v1::object_meta& m, const char* key);

/// Does the volume's claimRef name this claim? A reference without uid is a reservation.
bool is_for(const api::v1::persistent_volume& v, const api::v1::persistent_volume_claim& c);
/// Bound to each other, and both say so.
bool is_fully_bound(const api::v1::persistent_volume_claim& c, const api::v1::persistent_volume* v);

/// Can the node reach it?
bool reaches(const api::v1::persistent_volume& v, const api::v1::node& n);

/// Why the volume cannot serve the claim that asks for it by name, in Kubernetes' words; empty
/// when it can.
std::string mismatch(const api::v1::persistent_volume& v,
                     const api::v1::persistent_volume_claim& c);

/// The volume for a claim: one that is reserved for it, else the smallest that is free and large
/// enough. `node` null: anywhere. `taken` tells volumes that are promised already. Null: none.
volume_ptr best_volume(const std::vector<volume_ptr>& all,
                       const api::v1::persistent_volume_claim& c, const api::v1::node* node,
                       const std::function<bool(const api::v1::persistent_volume&)>& taken);

/// Does the class wait for a pod before volumes are bound?
bool waits_for_consumer(const api::v1::storage_class* s);

} // namespace thespis::actors
