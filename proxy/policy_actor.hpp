// The actor of NetworkPolicies: see policy_interface.hpp.
#pragma once

#include "proxy/policy/policy_kernel.hpp"
#include "proxy/policy/policy_planner.hpp"
#include "proxy/policy_interface.hpp"
#include "runtime/environment.hpp"

#include <array>
#include <list>
#include <optional>
#include <string>

namespace thespis::proxy {

struct policy_deps {
  runtime::environment env;
  std::string node;
  std::string table;                                 ///< the nftables table of its own
  std::vector<ip_family> families = {ip_family::v4}; ///< that pods have addresses of
};

/// What a watch event says to the planner; nothing for pods outside the pod network and finished
/// ones, and for those without an address of this family. `node` tells which pods are on this
/// machine.
std::optional<policy_pod> policy_pod_of(const api::object& pod, const std::string& node,
                                        ip_family f);

/// Runs detached: programming the kernel blocks for milliseconds. Rules stay when it ends, so that
/// pods stay isolated; `thespis down` removes them.
class policy_actor : public runtime::actor_base<policy_handle> {
public:
  policy_actor(caf::actor_config& cfg, policy_deps deps);
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  enum watch : uint64_t { policies, pods, namespaces };

  void start_over();
  bool subscribe(watch w);
  void handle(const runtime::watch_batch& batch);
  void take(watch w, const api::watch_event& e);
  void schedule(std::chrono::milliseconds delay);
  void enforce();

  /// One family's rules.
  struct enforcement {
    explicit enforcement(ip_family f) : family(f), planner(f) {}

    const ip_family family;
    policy_planner planner;
    std::optional<policy_kernel> kernel;
  };
  api::result<void> enforce(enforcement& one);

  policy_deps deps_;
  std::list<enforcement> families_;
  std::array<bool, 3> subscribed_{};
  std::array<bool, 3> synced_{};
  bool scheduled_ = false;
  size_t isolated_ = 0;
  uint64_t programmed_ = 0;
};

} // namespace thespis::proxy
