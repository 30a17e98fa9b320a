// The role host: see placement_interface.hpp.
#pragma once

#include "actors/placement/placement_interface.hpp"
#include "actors/placement/role_requests_actor.hpp"
#include "api/result.hpp"
#include "runtime/environment.hpp"
#include "runtime/supervisor.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace thespis::actors {

/// What playing a role takes on a machine.
struct role_parts {
  runtime::child_spec player;
  std::vector<runtime::child_spec> helpers; ///< started before it: copies of what it watches
  /// Where the player looks for others; null: the machine's directory.
  std::shared_ptr<runtime::directory> where = nullptr;
};

struct role_host_deps {
  runtime::environment env;
  runtime::supervisor_handle supervisor;
  std::string machine;
  std::vector<std::string> offers;
  /// The parts of a role whose player writes through the actor in the role `requests`.
  /// Errors: not_found when there is no such role here.
  std::function<api::result<role_parts>(const take_role& what, const std::string& requests)> make;
};

/// One a machine. Invariant: a role whose end was answered writes nothing any more.
class role_host_actor : public runtime::actor_base<role_host_handle> {
public:
  role_host_actor(caf::actor_config& cfg, role_host_deps deps)
      : actor_base(cfg, "role-host", deps.machine), deps_(std::move(deps)) {}
  behavior_type make_behavior() override;
  void on_exit() override;

protected:
  std::string describe() const override;

private:
  struct request_to_take {
    take_role what;
    caf::actor_addr boss; ///< who asks
    caf::typed_response_promise<role_taken> promise;
  };
  struct played {
    std::string player;               ///< its role in the directory
    std::vector<std::string> helpers; ///< with the actor for its requests
    caf::actor_addr boss;             ///< who asked for it
    caf::actor_addr ending;           ///< the player while its end is waited for
    bool ready = false;
    bool leaves = false;
    std::vector<caf::typed_response_promise<role_left>> waiting = {};
    std::optional<request_to_take> next = {}; ///< once it has ended
  };

  caf::result<role_taken> take(const take_role& t);
  void begin(request_to_take wish);
  void begun(const std::string& role, caf::typed_response_promise<role_taken> promise,
             const std::string& trouble);
  caf::result<role_left> leave(const std::string& role);
  void end_player(const std::string& role);
  void drain(const std::string& role);
  void finish(const std::string& role);
  void on_down(const caf::down_msg& down);
  void start(runtime::child_spec spec);

  const role_host_deps deps_;
  std::map<std::string, played> roles_;
  std::set<caf::actor_addr> bosses_; ///< that are watched
};

} // namespace thespis::actors
