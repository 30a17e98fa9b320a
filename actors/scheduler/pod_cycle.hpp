// What is computed once for a pod before nodes are looked at one by one: how many pods its terms
// and constraints find in which topology domain, and what others' terms forbid.
#pragma once

#include "actors/scheduler/scheduling_cache.hpp"

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace thespis::actors {

/// Pods by the value of a topology label.
using domain_counts = std::unordered_map<std::string, int64_t>;

/// Valid as long as the cache does not change.
class pod_cycle {
public:
  pod_cycle(const scheduling_cache& cache, const pod_info& p);

  const pod_info& pod() const { return pod_; }
  const scheduling_cache& cache() const { return cache_; }
  const claims_verdict& claims() const { return claims_; }

  // Each: is the node acceptable?
  bool affinity_holds(const node_info& n) const;
  bool anti_affinity_holds(const node_info& n) const;
  bool others_agree(const node_info& n) const;
  /// The node has all labels that constraints spread over.
  bool has_domains(const node_info& n) const;
  bool spread_holds(const node_info& n) const;

private:
  struct spread_state {
    const spread_rule* rule;
    domain_counts pods;
    int64_t least = 0;
    bool self = false; ///< the pod itself counts
  };
  void count_affinity();
  void count_spread();
  bool counts_for(const spread_rule& r, const node_info& n) const;

  const scheduling_cache& cache_;
  const pod_info& pod_;
  claims_verdict claims_;
  std::vector<domain_counts> near_; ///< by required term
  bool first_of_its_kind_ = false;  ///< nobody matches but itself: it may begin
  std::vector<domain_counts> far_;
  std::vector<std::pair<std::string, std::string>> forbidden_; ///< label and value
  std::vector<spread_state> spread_;
};

/// May a pod be on the node by its own node selector, affinity, and tolerations?
bool spread_counts_node(const spread_rule& r, const pod_info& p, const node_info& n);

} // namespace thespis::actors
