// What a pod actor says. One lives on the pod's node for as long as the pod does.
#pragma once

#include "actors/pod/container_record.hpp"
#include "actors/pod/continuation.hpp"
#include "runtime/actor_base.hpp"
#include "runtime/cri/container_runtime.hpp"
#include "runtime/object_messages.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace thespis::actors {

/// The pod as the API has it now: its specification, and whether it is to end.
struct pod_update {
  api::object_ref pod;
  resize_verdict resize = resize_verdict::fits;
  std::string resize_message;
};

/// What the runtime has of this pod: sent at start (adoption) and after a change was noticed.
struct pod_observation {
  std::vector<runtime::sandbox_summary> sandboxes;
  std::vector<runtime::container_summary> containers;
};

/// One of the pod's containers, or its sandbox, may have ended.
struct container_hint {
  std::string id;
};

/// The node ends the pod as failed: it never took it (OutOfcpu), or has no room for it any more
/// (Evicted).
struct end_pod {
  std::string reason;
  std::string message;
  int64_t grace_seconds = -1; ///< below 0: what the pod says
  bool disruption = false;    ///< for the node's sake: the pod gets the condition DisruptionTarget
};

/// INTERNAL: the next instant at which something is due. Ticks of older generations are void.
struct pod_tick {
  uint64_t generation = 0;
};

/// INTERNAL: a config map or secret that the pod uses may have changed; look again.
struct refresh_volumes {};

/// Which container a log or exec request means.
struct container_query {
  std::string container; ///< empty: the only one, or the annotated default
  bool previous = false; ///< the terminated one before
};

/// Where a container is found.
struct container_location {
  bool ok = false;
  api::error failure;
  std::string id;
  std::string sandbox_id;
  std::string log_path; ///< absolute
  bool running = false;
};

// clang-format off
using pod_handle = caf::typed_actor<
  /// Takes the newest state of the pod from the API.
  caf::reacts_to<pod_update>,
  /// Takes what the runtime has of the pod.
  caf::reacts_to<pod_observation>,
  /// Looks at its containers at once.
  caf::reacts_to<container_hint>,
  /// Ends the pod for good, as failed.
  caf::reacts_to<end_pod>,
  /// Finds a container for logs, exec, attach and port-forward.
  caf::replies_to<container_query>::with<container_location>,
  /// INTERNAL
  caf::reacts_to<continuation>,
  /// INTERNAL
  caf::reacts_to<pod_tick>,
  /// INTERNAL
  caf::reacts_to<refresh_volumes>>;
// clang-format on

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, pod_update& x) {
  return f(x.pod, x.resize, x.resize_message);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, container_hint& x) {
  return f(x.id);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, end_pod& x) {
  return f(x.reason, x.message, x.grace_seconds, x.disruption);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, pod_tick& x) {
  return f(x.generation);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, refresh_volumes&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, container_query& x) {
  return f(x.container, x.previous);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, container_location& x) {
  return f(x.ok, x.failure, x.id, x.sandbox_id, x.log_path, x.running);
}

} // namespace thespis::actors

// Never leaves the machine: the runtime that it speaks of does not either.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::actors::pod_observation)
