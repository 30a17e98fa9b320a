// What must hold of pods and pod templates, beyond what each field's schema says.
#pragma once

#include "api/validation/findings.hpp"

#include <string>
#include <string_view>
#include <unordered_set>

namespace thespis::api {

/// A pod's spec at `at`, of a pod or of a template; `claims` as below.
void validate_pod_spec(const json::value& spec, const path& at, findings& f,
                       const json::value& claims = json::value{});

/// A whole pod; its metadata is checked elsewhere.
void validate_pod(const json::value& pod, findings& f);

/// A change of a pod through the pod itself: nearly nothing may change.
void validate_pod_update(const json::value& pod, const json::value& old, findings& f);
/// A change through pods/status.
void validate_pod_status_update(const json::value& pod, const json::value& old, findings& f);
/// A change through pods/ephemeralcontainers: containers are only added.
void validate_ephemeral_update(const json::value& pod, const json::value& old, findings& f);
/// A change through pods/resize: cpu and memory of containers and sidecars.
void validate_resize_update(const json::value& pod, const json::value& old, findings& f);
/// Whether both specs have the same containers in the same order; says what differs to `f`, which
/// may be null.
bool same_containers(const json::value& spec, const json::value& before, const path& at,
                     findings* f);

/// A pod template at `at`. Restart policies are the caller's business. `claims`, volume claim
/// templates or null, become volumes of each pod.
void validate_pod_template(const json::value& tmpl, const path& at, findings& f,
                           const json::value& claims = json::value{});

// Parts of the above.

using name_set = std::unordered_set<std::string_view>;

/// What containers refer to in their pod.
struct pod_scope {
  const name_set& volumes;
  bool host_network = false;
};

/// Appends the names of all volumes to `names`.
void validate_volumes(const json::value& spec, const path& at, name_set& names, findings& f);
void validate_containers(const json::value& spec, const path& at, const pod_scope& scope,
                         findings& f);
/// The environment, mounts, ports and resources of one container, of whatever sort.
void validate_container(const json::value& c, const path& at, const pod_scope& scope, findings& f);
void validate_container_resources(const json::value& resources, const path& at, findings& f);
void validate_probes(const json::value& container, const path& at, findings& f);
void validate_lifecycle(const json::value& container, const path& at, findings& f);
void validate_env(const json::value& container, const path& at, findings& f);
void validate_pod_security(const json::value& spec, const path& at, findings& f);
void validate_container_security(const json::value& container, const path& at, findings& f);
void validate_affinity(const json::value& spec, const path& at, findings& f);
void validate_tolerations(const json::value& spec, const path& at, findings& f);
void validate_spread(const json::value& spec, const path& at, findings& f);
/// A field that the downward API offers to environment variables, or else to volumes.
void validate_field_ref(const json::value& ref, const path& at, bool in_volume, findings& f);
void validate_resource_field_ref(const json::value& ref, const path& at, bool in_volume,
                                 findings& f);

} // namespace thespis::api
