// Where a pod's volumes come from: a port, because it is disk I/O.
#pragma once

#include "actors/pod/pod_config.hpp"
#include "actors/pod/pod_tokens.hpp"

#include <functional>
#include <memory>

namespace thespis::actors {

/// Blocking work runs on the port's own thread; callbacks come from there.
class volume_port {
public:
  virtual ~volume_port() = default;
  /// Makes the pod's volumes exist: emptyDir, hostPath, configMap, secret, downwardAPI, projected,
  /// and finds those of claims that are bound to hostPath and local volumes.
  /// `state` is read on the caller's thread or the port's. May be called again to bring changed
  /// config maps, secrets and fields into a running pod (atomically, as kubelet's ..data link).
  /// Errors: bad_request and internal_error in kubelet's words for a FailedMount event
  /// (MountVolume.SetUp failed for volume "v" : configmap "x" not found).
  virtual void prepare(std::shared_ptr<const api::v1::pod> pod,
                       std::function<void(api::result<volume_paths>)> done) = 0;
  /// Removes the pod's directory and cgroup and what is mounted there; never follows links out of
  /// it. The logs stay: a pod that is over still shows them.
  virtual void release(std::string uid, std::function<void(api::result<void>)> done) = 0;
  /// The same, with the logs: for a pod that the API no longer has.
  virtual void remove(std::string uid, std::function<void(api::result<void>)> done) = 0;
  /// Runs a short piece of disk work where it may block.
  virtual void run(std::function<void()> job) = 0;
  /// Uids of all pods that have a directory, for cleaning up after a crash.
  virtual std::vector<std::string> leftovers() const = 0;
};

/// Volumes on this machine below node.data_dir. `tokens` answers for service account tokens.
std::shared_ptr<volume_port> make_disk_volumes(node_facts node,
                                               std::shared_ptr<const api::reader> state,
                                               pod_token_deps tokens = {});

/// Pretends that every volume exists; for simulated nodes.
std::shared_ptr<volume_port> make_simulated_volumes();

} // namespace thespis::actors
