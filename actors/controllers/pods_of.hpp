// What all controllers that own pods have in common: who is active, ready, available, and which
// pods go first when there are too many.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/generated/core_v1_pod.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

namespace thespis::actors {

using observed_pod = observed<api::v1::pod>;

/// What those who count pods read of one: a small part of it, kept for many.
struct pod_facts {
  static constexpr std::string_view resource_name = "pods";
  static pod_facts of(const api::object& o);

  enum class phase_t : uint8_t { pending, running, succeeded, failed, unknown };
  phase_t phase = phase_t::unknown;
  bool ready = false;    ///< its Ready condition is True
  wall_time ready_since; ///< the epoch when it is not
  wall_time created;
  int32_t restarts = 0;      ///< of the container with the most
  int32_t deletion_cost = 0; ///< by its annotation
};
using counted_pod = observed<pod_facts>;

bool is_finished(const pod_facts& p);
/// Neither finished nor being deleted.
bool is_active(const observed_pod& p);
bool is_active(const counted_pod& p);
bool is_ready(const api::v1::pod& p);
/// Since when the Ready condition is True; the epoch when it is not.
wall_time ready_since(const api::v1::pod& p);
/// Ready for at least `min_ready_seconds`.
bool is_available(const api::v1::pod& p, int32_t min_ready_seconds, wall_time now);
bool is_available(const pod_facts& p, int32_t min_ready_seconds, wall_time now);

/// Orders pods so that the first ones are deleted first: unassigned, pending, not ready, of lower
/// deletion cost, on nodes with more of these pods, ready for a shorter time, with more restarts,
/// younger. (Kubernetes' ActivePodsWithRanks.)
void sort_for_deletion(std::vector<counted_pod>& pods);
void sort_for_deletion(std::vector<observed_pod>& pods);

/// The owner reference by which `T` controls what it makes.
template <class T>
api::v1::owner_reference controller_reference(const T& owner) {
  api::v1::owner_reference res;
  res.api_version = std::string{T::api_version_name};
  res.kind = std::string{T::kind_name};
  res.name = owner.metadata.name;
  res.uid = owner.metadata.uid;
  res.controller = true;
  res.block_owner_deletion = true;
  return res;
}

/// Does the object have that controlling owner?
bool controlled_by(const api::object& o, const std::string& uid);
/// Has it any controlling owner?
bool has_controller(const api::object& o);

/// The patch by which an orphan is adopted, or a pod that no longer matches is let go. The uid
/// guards against another object of the same name.
api::call adopt_call(const api::object& o, const api::v1::owner_reference& owner);
api::call release_call(const api::object& o, const std::string& owner_uid);
/// The same for several owners.
api::call release_call(const api::object& o, const std::vector<std::string>& owner_uids);

} // namespace thespis::actors
