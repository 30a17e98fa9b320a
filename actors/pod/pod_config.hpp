// From a pod's specification to what the container runtime is told.
#pragma once

#include "api/generated/core_v1_pod.hpp"
#include "api/pipeline/reader.hpp"
#include "api/result.hpp"
#include "runtime/cri/container_runtime.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace thespis::actors {

/// Facts of the node that pods are configured from.
struct node_facts {
  std::string name;
  std::string ip;
  std::string second_ip; ///< of the other family; empty: it has none
  /// Pods' volumes and logs live below it. Empty: a simulated node, whose pods have no files.
  std::string data_dir;
  std::string cgroup_root = "/kubepods"; ///< cgroupfs path; a cgroup a pod below it
  std::string cluster_domain;            ///< "cluster.local"
  std::vector<std::string> dns_servers;  ///< of the cluster; empty: pods get the node's resolv.conf
  bool apparmor = false;                 ///< the kernel enforces its profiles
  int64_t memory_bytes = 0;              ///< capacity, for oom_score_adj
  std::map<std::string, std::string> allocatable; ///< for resourceFieldRef without a limit
};

/// <data-dir>/pods/<uid>
std::string pod_directory(const node_facts& node, const std::string& uid);
/// Where a pod's cgroup may be, one a QoS class.
std::vector<std::string> pod_cgroups(const node_facts& node, const std::string& uid);
/// <data-dir>/logs/pods/<namespace>_<name>_<uid>
std::string pod_log_directory(const node_facts& node, const std::string& ns,
                              const std::string& name, const std::string& uid);
std::string pod_log_directory(const node_facts& node, const api::v1::object_meta& pod);

/// Host paths of the pod's volumes, by name.
using volume_paths = std::map<std::string, std::string>;

runtime::sandbox_config make_sandbox_config(const api::v1::pod& pod, uint32_t attempt,
                                            const node_facts& node);

/// What a container's configuration depends on besides the pod.
struct container_surroundings {
  const node_facts& node;
  const api::reader& state; ///< config maps, secrets and services of the pod's namespace
  const volume_paths& volumes;
  std::vector<std::string> pod_ips; ///< the first is the pod's main one
  uint32_t attempt = 0;
  std::string image_id;
  std::optional<int64_t> image_user;
  std::string image_username;
};

/// Errors: bad_request with kubelet's words for a CreateContainerConfigError (a config map or key
/// that does not exist, an image that runs as root where it must not, a path that leaves its
/// volume).
api::result<runtime::container_config> make_container_config(const api::v1::pod& pod,
                                                             const api::v1::container& c,
                                                             const container_surroundings& s);

/// What the container's cgroup is given, and its oom_score_adj.
runtime::linux_resources make_linux_resources(const api::v1::pod& pod, const api::v1::container& c,
                                              const node_facts& node);

/// The labels by which sandboxes and containers are found again after a restart.
runtime::string_map pod_labels(const api::v1::pod& pod);

/// What the pod calls itself: its hostname, or as much of its name as Linux takes.
std::string pod_hostname(const api::v1::pod& pod);

/// The domain below which that name stands in the cluster's DNS; empty: it stands in none.
std::string pod_domain(const api::v1::pod& pod, const node_facts& node);

/// The name that the pod's kernel tells, with its domain if the pod wants that. Errors:
/// bad_request, when that is longer than Linux takes.
api::result<std::string> kernel_hostname(const api::v1::pod& pod, const node_facts& node);

/// Whether requests or limits of the pod as a whole are given.
bool has_own_resources(const api::v1::pod_spec& spec);

/// BestEffort, Burstable or Guaranteed, from requests and limits.
std::string qos_class(const api::v1::pod_spec& spec);

} // namespace thespis::actors
