// The request bridge: see requests_interface.hpp.
#pragma once

#include "api/pipeline/pipeline.hpp"
#include "runtime/environment.hpp"
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
};

/// A call from the REST server, prepared on its I/O thread; never leaves the process.
struct submit_call {
  std::shared_ptr<pending_call> pending;
};

using requests_actor_handle = requests_handle::extend<caf::reacts_to<submit_call>>;

struct requests_deps {
  std::shared_ptr<const api::pipeline> pipeline;
  std::shared_ptr<directory> roles;
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
  void write(std::vector<pending_ptr> calls);
  void settle(std::vector<pending_ptr> calls, write_outcomes& outcomes);

  requests_deps deps_;
  size_t in_flight_ = 0;
};

/// The role of the store in the directory.
inline constexpr std::string_view store_role = "store";

} // namespace thespis::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::submit_call)
