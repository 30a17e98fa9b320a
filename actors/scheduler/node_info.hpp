// What the scheduler knows of nodes and pods: compact, computed once an event.
#pragma once

#include "actors/scheduler/pod_terms.hpp"
#include "api/generated/core_v1_node.hpp"
#include "api/generated/core_v1_pod.hpp"
#include "api/object/object.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace thespis::actors {

/// Amounts of what a pod asks for and a node has. CPU in millicores, the rest in units.
struct resources {
  int64_t cpu = 0;
  int64_t memory = 0;
  int64_t ephemeral_storage = 0;
  std::map<std::string, int64_t> others; ///< extended resources, hugepages

  resources& operator+=(const resources& o);
  resources& operator-=(const resources& o);
};

/// Reads a resource list; amounts that do not parse count as nothing.
resources read_resources(const std::map<std::string, std::string>& list);

/// What a pod needs: the sum of its containers or its greediest init container, whichever is more,
/// sidecars added to both, and the overhead. (Kubernetes' resource model.)
resources pod_requests(const api::v1::pod_spec& spec);

/// A port of the node that a pod wants.
using host_port = std::tuple<std::string, std::string, int32_t>; // address, protocol, port

/// A pod as the scheduler sees it.
struct pod_info {
  api::object_ptr object;
  std::shared_ptr<const api::v1::pod> pod;
  resources requests;
  std::vector<host_port> ports;
  int32_t priority = 0;
  /// What "spread" means for it: pods of the same controller. Empty without one.
  std::string group;
  std::shared_ptr<const pod_terms> terms; ///< null: it says nothing about other pods
  std::vector<std::string> claims;        ///< names of the PersistentVolumeClaims it mounts
};

pod_info make_pod_info(const api::object_ptr& object);

/// The names of the claims that a pod mounts, those made for it included.
std::vector<std::string> claims_of(const api::v1::pod& p);

/// A pod on a node, bound or assumed to be.
struct placed_pod {
  std::string uid;
  std::string name;
  std::string node;
  std::string start; ///< when it began to run, or was created
  std::shared_ptr<const pod_info> info;
  struct pod_class* kind = nullptr; ///< pods like it
  bool assumed = false;
  bool deleting = false;
};

/// A node with what is placed on it, assumed bindings included.
struct node_info {
  api::object_ptr object;
  std::shared_ptr<const api::v1::node> node;
  resources allocatable;
  int64_t max_pods = 110;
  resources used;
  /// Requests with Kubernetes' minimum for pods that ask for nothing (100m, 200Mi), for scores.
  int64_t scored_cpu = 0;
  int64_t scored_memory = 0;
  int64_t pods = 0;
  std::multiset<host_port> ports;
  std::unordered_map<std::string, int> groups;     ///< pods by their spreading group
  std::unordered_map<std::string, int64_t> images; ///< bytes of the images it holds, by name
  std::vector<placed_pod*> placed;                 ///< what is on it

  void set_node(const api::object_ptr& o);
  /// The value of a label; null without one.
  const std::string* label(const std::string& key) const;
  void add(const pod_info& p);
  void remove(const pod_info& p);
  bool fits_at_all(const pod_info& p) const; ///< were it empty
};

} // namespace thespis::actors
