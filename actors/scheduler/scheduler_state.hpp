// What the scheduler knows and decides: nodes with what is placed on them, pods that wait.
// No CAF headers: events go in, placements come out.
#pragma once

#include "actors/scheduler/node_info.hpp"
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
  std::string node;    ///< empty: it does not fit anywhere
  std::string message; ///< "0/3 nodes are available: 3 Insufficient cpu."
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

  /// Decides for up to `limit` waiting pods, the most important first, oldest first among equals.
  /// Pods that fit are assumed to be bound from now on; others wait for a change or `next_retry`.
  std::vector<placement> schedule(size_t limit, time now);

  /// The binding did not come true: the pod waits again (unless it is gone).
  void binding_failed(const std::string& uid, time now);

  /// Makes the pods schedulable whose back-off is over. False when there are none.
  bool retry(time now);
  std::optional<time> next_retry() const;

  bool has_work() const { return !active_.empty(); }
  size_t waiting() const { return active_.size() + parked_.size(); }
  size_t nodes() const { return nodes_.size(); }
  const node_info* node(const std::string& name) const;

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
    bool changed = false; ///< something happened that may help; waits for `due` only
  };

  static queue_key key_of(const pod_info& p);
  void enqueue(waiting_pod p);
  void forget(const std::string& uid);
  void place(const std::string& uid, std::shared_ptr<const pod_info> p, const std::string& node);
  void release(const std::string& uid);
  void wake_parked();
  placement decide(const pod_info& p);
  static std::string explain(size_t nodes, const std::map<std::string, int>& reasons);

  const std::string scheduler_name_;
  std::map<std::string, node_info> nodes_;
  std::vector<std::string> order_; ///< names of nodes_, for rotation
  size_t start_ = 0;               ///< where the next search begins
  struct placed_pod {
    std::shared_ptr<const pod_info> info;
    std::string node;
    bool assumed = false;
  };
  std::unordered_map<std::string, placed_pod> placed_; ///< by uid
  std::map<queue_key, waiting_pod> active_;
  std::unordered_map<std::string, queue_key> active_keys_; ///< by uid
  std::map<std::string, parked_pod> parked_;               ///< by uid
};

} // namespace thespis::actors
