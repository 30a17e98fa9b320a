// What the scheduler knows of nodes and pods: compact, computed once an event.
#pragma once

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
};

pod_info make_pod_info(const api::object_ptr& object);

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
  std::unordered_map<std::string, int> groups; ///< pods by their spreading group

  void set_node(const api::object_ptr& o);
  void add(const pod_info& p);
  void remove(const pod_info& p);
};

} // namespace thespis::actors
