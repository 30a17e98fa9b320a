// What the scheduler knows and decides: nodes with what is placed on them, pods that wait.
// No CAF headers: events go in, placements come out.
#pragma once

#include "actors/scheduler/filters.hpp"
#include "actors/scheduler/preemption.hpp"
#include "actors/scheduler/scheduling_cache.hpp"
#include "api/pipeline/watch.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace thespis::actors {

/// Where a pod goes, or why nowhere.
struct placement {
  api::object_ptr pod;
  std::string node;            ///< empty: it does not fit anywhere
  std::string message;         ///< "0/3 nodes are available: 3 Insufficient cpu."
  volume_plan volumes;         ///< what is to be written, and come true, before the binding
  std::string nominated;       ///< a node where victims make room for it
  std::vector<victim> victims; ///< who is to go from there
  std::vector<api::object_ptr> outranked; ///< pods whose nomination there is over
};

/// Not thread-safe; owned by the scheduler actor. Invariant: a pod's requests are accounted for on
/// exactly the node it is bound, or assumed to be bound, to.
class scheduler_state {
public:
  using time = std::chrono::steady_clock::duration;

  /// Pods of other schedulers are only accounted for.
  explicit scheduler_state(std::string scheduler_name = "default-scheduler")
      : scheduler_name_(std::move(scheduler_name)) {}

  void apply_node(const api::watch_event& e);
  void apply_pod(const api::watch_event& e);
  void apply_namespace(const api::watch_event& e);
  void apply_budget(const api::watch_event& e);
  void apply_claim(const api::watch_event& e);
  void apply_volume(const api::watch_event& e);
  void apply_class(const api::watch_event& e);

  /// Decides for up to `limit` waiting pods, the most important first, oldest first among equals.
  /// Pods that fit are assumed to be bound from now on; others wait for a change or `next_retry`.
  std::vector<placement> schedule(size_t limit, time now);

  /// Pods whose volumes have come true since they were placed: they are to be bound now. Those
  /// whose volumes failed, or took too long, wait for another try.
  std::vector<placement> with_volumes(time now);

  /// The binding did not come true: the pod waits again (unless it is gone).
  void binding_failed(const std::string& uid, time now);

  /// Makes the pods schedulable whose back-off is over. False when there are none.
  bool retry(time now);
  std::optional<time> next_retry();

  bool has_work() const { return !active_.empty(); }
  size_t waiting() const { return active_.size() + parked_.size(); }
  size_t nodes() const { return cache_.order().size(); }
  const node_info* node(const std::string& name) const { return cache_.node(name); }

private:
  struct waiting_pod {
    std::shared_ptr<const pod_info> info;
    int attempts = 0;
  };
  /// Higher priority first, then the older pod, then the uid.
  using queue_key = std::tuple<int64_t, uint64_t, std::string>;
  struct parked_pod {
    waiting_pod pod;
    time due{};
    uint32_t helped_by = any_change;
    bool changed = false; ///< something happened that may help; waits for `due` only
  };
  struct nomination {
    std::shared_ptr<const pod_info> info;
    std::string node;
  };
  struct awaiting_pod {
    placement plan;
    time deadline{};
  };
  /// What a look at all nodes found.
  struct outcome {
    std::vector<const node_info*> fitting;
    std::map<std::string, int> reasons;
    std::set<std::string> final; ///< nodes where preemption cannot help
    uint32_t helped_by = 0;
  };

  static queue_key key_of(const pod_info& p);
  void apply_bound(const api::watch_event& e);
  void apply_waiting(const api::watch_event& e);
  void enqueue(waiting_pod p);
  void park(const std::string& uid, waiting_pod p, time now, uint32_t helped_by);
  void forget(const std::string& uid);
  void release(const std::string& uid);
  void note_changes();

  placement decide(const waiting_pod& w, uint32_t& helped_by);
  verdict judge(const pod_cycle& c, const node_info& n, const filter** by = nullptr) const;
  verdict judge_beside_nominated(const pod_cycle& c, const node_info& n, const filter** by);
  outcome look_at_nodes(const pod_cycle& c, const std::string& nominated);
  void make_room(const pod_info& p, const outcome& o, placement& res);
  std::string refusal(const std::map<std::string, int>& reasons) const;

  const std::string scheduler_name_;
  scheduling_cache cache_;
  size_t start_ = 0;                                       ///< where the next search begins
  std::unordered_map<std::string, waiting_pod> assumed_;   ///< by uid
  std::unordered_map<std::string, awaiting_pod> awaiting_; ///< by uid
  std::map<std::string, nomination> nominated_;            ///< by uid
  std::map<queue_key, waiting_pod> active_;
  std::unordered_map<std::string, queue_key> active_keys_; ///< by uid
  std::map<std::string, parked_pod> parked_;               ///< by uid
  uint32_t changes_ = 0;                                   ///< since parked pods were last told
};

} // namespace thespis::actors
