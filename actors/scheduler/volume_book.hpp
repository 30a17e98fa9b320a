// What the scheduler knows of storage: claims, volumes, classes, and what it promised of them.
#pragma once

#include "actors/controllers/volume_match.hpp"
#include "actors/scheduler/node_info.hpp"
#include "api/pipeline/watch.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace thespis::actors {

using claim_ptr = std::shared_ptr<const api::v1::persistent_volume_claim>;

/// What is to be written before a pod with claims is bound to its node.
struct volume_plan {
  struct pair {
    claim_ptr claim;
    volume_ptr volume;
  };
  std::vector<pair> bind;
  std::vector<claim_ptr> provision;
  bool empty() const { return bind.empty() && provision.empty(); }
};

/// What a pod's claims come to, whatever the node.
struct claims_verdict {
  std::string failure; ///< not empty: no node will do, in Kubernetes' words
  std::vector<volume_ptr> bound;
  std::vector<claim_ptr> open; ///< bound with the pod
  bool lost = false;           ///< a bound volume is missing
};

class volume_book {
public:
  void apply_claim(const api::watch_event& e);
  void apply_volume(const api::watch_event& e);
  void apply_class(const api::watch_event& e);

  claims_verdict judge(const std::string& ns, const pod_info& p) const;
  /// Why the node will not do; fills the plan when it does.
  std::string judge_node(const claims_verdict& v, const node_info& n, volume_plan* plan) const;

  /// Whether only one pod may use the claim (ReadWriteOncePod).
  bool is_exclusive(const std::string& ns, const std::string& name) const;

  /// The plan's volumes are spoken for until `forget`.
  void promise(const std::string& uid, const volume_plan& plan);
  void forget(const std::string& uid);

  enum class progress { pending, bound, failed };
  /// How far a promise has come.
  progress look(const std::string& uid, const node_info& n) const;

private:
  struct promised {
    std::vector<std::string> claims;  ///< "namespace/name"
    std::vector<std::string> volumes; ///< names
  };
  const api::v1::storage_class* find_class(const std::string& name) const;

  std::map<std::string, claim_ptr> claims_; ///< by "namespace/name"
  std::map<std::string, volume_ptr> volumes_;
  std::map<std::string, std::shared_ptr<const api::v1::storage_class>> classes_;
  std::map<std::string, promised> promised_; ///< by the pod's uid
  std::set<std::string> taken_;              ///< names of volumes in promised_
};

} // namespace thespis::actors
