// The store actor: gathers writes while the committer makes the previous batch durable, then
// replies and publishes. See store_interface.hpp.
#pragma once

#include "runtime/environment.hpp"
#include "runtime/registry/registry_interface.hpp"
#include "runtime/store/store_interface.hpp"
#include "runtime/store/store_state.hpp"

#include <deque>
#include <memory>
#include <vector>

namespace thespis::runtime {

/// A batch on its way to the disk; never leaves the process.
struct commit_job {
  std::shared_ptr<const std::vector<accepted_write>> writes;
};

// clang-format off
using committer_handle = caf::typed_actor<
  /// Blocks until the batch is durable; answers its newest revision.
  caf::replies_to<commit_job>::with<batch_committed>>;
// clang-format on

/// The thread that waits for the disk, so that the store never does.
class committer_actor : public actor_base<committer_handle> {
public:
  committer_actor(caf::actor_config& cfg, std::shared_ptr<engine> sink)
      : actor_base(cfg, "committer"), sink_(std::move(sink)) {}
  behavior_type make_behavior() override;

private:
  std::shared_ptr<engine> sink_;
};

struct store_deps {
  std::shared_ptr<engine> storage;
  std::shared_ptr<snapshots> shared;
  std::shared_ptr<directory> roles;
  /// false runs the committer on the scheduler (deterministic tests) instead of its own thread.
  bool own_thread = true;
};

/// One a cluster. Invariant: at most one batch is at the committer; replies and events go out in
/// the order of revisions, after the snapshots show them.
class store_actor : public actor_base<store_handle> {
public:
  store_actor(caf::actor_config& cfg, store_deps deps);
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  /// A request whose outcomes wait for the batch of its last accepted write.
  struct waiting {
    caf::typed_response_promise<write_outcomes> promise;
    write_outcomes outcomes;
  };

  void handle(write_batch& batch);
  void start_commit();
  void finish_commit();
  void publish_events();

  store_deps deps_;
  store_state state_;
  committer_handle committer_;
  std::shared_ptr<const std::vector<accepted_write>> in_flight_;
  std::vector<waiting> in_flight_waiting_;
  std::vector<waiting> gathering_waiting_;
};

} // namespace thespis::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::commit_job)
