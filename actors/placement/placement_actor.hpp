// The placement actor: see placement_interface.hpp.
#pragma once

#include "actors/placement/placement_interface.hpp"
#include "actors/placement/placement_state.hpp"
#include "actors/placement/role_table.hpp"
#include "api/pipeline/reader.hpp"
#include "runtime/environment.hpp"
#include "runtime/requests/requests_interface.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace thespis::actors {

struct placement_deps {
  runtime::environment env; ///< its directory has the role hosts
  std::string home;         ///< the server's own machine
  /// The roles there are, and the users that they write as.
  std::map<std::string, std::string> users;
  role_settings settings;
  std::function<bool(const std::string& machine, const std::string& role)> allowed;
  std::shared_ptr<role_table> table;
  /// Where the records of an earlier start are read.
  std::shared_ptr<const api::reader> state;
  placement_limits limits = {};
};

/// One a server. Records who plays what as Leases in kube-system, once a role has left home; while
/// the role is held they are renewed, as client-go's leader election does.
class placement_actor : public runtime::actor_base<placement_handle> {
public:
  placement_actor(caf::actor_config& cfg, placement_deps deps);
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  void restore();
  void look();
  void meet(const std::string& machine, const role_host_handle& host);
  void do_all(const placement_state::actions& what);
  void take(const std::string& role, const std::string& machine);
  void leave(const std::string& role, const std::string& machine);
  void finish(const placement_state::action& a);
  void refresh_table();
  void record();
  void write_record(const std::string& role, const placement_state::role& r);
  void renew();
  placement_state::time now() { return this->clock().now().time_since_epoch(); }

  const placement_deps deps_;
  placement_state state_;
  std::map<std::string, role_host_handle> hosts_; ///< by machine
  struct pending_move {
    caf::typed_response_promise<role_moved> promise;
    std::string from;
  };
  std::map<std::string, pending_move> moving_; ///< by role
  placement_state::time renewed_{};
  std::map<std::string, std::string> recorded_; ///< holders, as the Leases have them; by role
};

/// The Lease that records a role: "thespis-controller-deployment", in kube-system.
std::string lease_name_of(const std::string& role);

} // namespace thespis::actors
