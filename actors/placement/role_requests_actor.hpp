// Stands between a placed role and the request bridge, so that it is known when all that the role
// has written is answered: only then may another machine take it.
#pragma once

#include "runtime/environment.hpp"
#include "runtime/requests/requests_interface.hpp"

#include <string>
#include <vector>

namespace thespis::actors {

/// Answered when no call is under way.
struct drain_calls {};
struct calls_drained {};

using role_requests_handle =
    runtime::requests_handle::extend<caf::replies_to<drain_calls>::with<calls_drained>>;

struct role_requests_deps {
  runtime::environment env; ///< its directory has the request bridge
  std::string role;
};

/// One a placed role, on its machine.
class role_requests_actor : public runtime::actor_base<role_requests_handle> {
public:
  role_requests_actor(caf::actor_config& cfg, role_requests_deps deps)
      : actor_base(cfg, "role-requests", deps.role), deps_(std::move(deps)) {}
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  void finish(size_t calls);

  const role_requests_deps deps_;
  size_t in_flight_ = 0; ///< calls
  std::vector<caf::typed_response_promise<calls_drained>> waiting_;
};

/// Its role in the directory of the machine.
inline std::string role_requests_role(std::string_view role) {
  return "role-requests/" + std::string{role};
}

} // namespace thespis::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::actors::drain_calls)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::actors::calls_drained)
