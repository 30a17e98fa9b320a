// The request bridge: see requests_interface.hpp.
#pragma once

#include "api/audit/calls.hpp"
#include "api/outbound/worker_pool.hpp"
#include "api/pipeline/pipeline.hpp"
#include "runtime/environment.hpp"
#include "runtime/introspection/journal.hpp"
#include "runtime/requests/requests_interface.hpp"
#include "runtime/store/store_interface.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace thespis::runtime {

/// One call on its way: prepared, perhaps waiting for its write.
struct pending_call {
  api::call call;
  api::prepared_write work;
  std::function<void(api::reply)> done; ///< called exactly once, on the bridge's thread
  int attempts = 1;
  wall_time asked{}; ///< when its write was sent to the store
};

/// A call prepared elsewhere: on an I/O thread of the REST server, or on a thread that may block.
/// Never leaves the process.
struct submit_call {
  std::shared_ptr<pending_call> pending;
  std::shared_ptr<api::reply> answer = nullptr; ///< there is nothing to be written
};

using requests_actor_handle = requests_handle::extend<caf::reacts_to<submit_call>>;

struct requests_deps {
  std::shared_ptr<const api::pipeline> pipeline;
  std::shared_ptr<directory> roles;
  /// Whether the user of an actor's call may make it; null: all may. Calls of clients come here
  /// when they have been authorized.
  std::function<api::result<void>(const api::call&)> authorize = nullptr;
  /// Where calls are prepared that may wait for another process; null: here.
  std::shared_ptr<api::outbound::worker_pool> blocking = nullptr;
  /// Where what was written by whom is remembered, and when; both may be null.
  std::shared_ptr<causal_journal> journal = nullptr;
  std::shared_ptr<const clock_port> clock = nullptr;
  /// Where actors' calls are written down; null: nowhere. (REST writes down its own.)
  std::shared_ptr<const api::audit::call_auditor> audit = nullptr;
};

/// One a server; keeps no state but the calls in flight.
class requests_actor : public actor_base<requests_actor_handle> {
public:
  requests_actor(caf::actor_config& cfg, requests_deps deps)
      : actor_base(cfg, "requests"), deps_(std::move(deps)) {}
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  using pending_ptr = std::shared_ptr<pending_call>;

  void run(call_batch& batch, caf::typed_response_promise<call_outcomes> promise);
  /// Prepares the call: here, or, where that may block, on another thread that submits it later.
  /// Gives it to `ready` when it is to be written now.
  void prepare(pending_ptr c, std::vector<pending_ptr>& ready);
  void prepare_aside(pending_ptr c);
  void write(std::vector<pending_ptr> calls);
  void settle(std::vector<pending_ptr> calls, write_outcomes& outcomes);
  /// The first write of a call is done: prepares what it was a condition of.
  void go_on(pending_ptr c, std::vector<pending_ptr>& ready);

  /// Remembers that the call was carried out.
  void remember(const pending_call& p, const api::object_ptr& written);

  requests_deps deps_;
  size_t in_flight_ = 0;
};

/// What a call is told when too many wait for other processes already.
api::error too_many_waiting();

/// The role of the store in the directory.
inline constexpr std::string_view store_role = "store";

} // namespace thespis::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::submit_call)
