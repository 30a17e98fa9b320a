// The references actor: keeps the Secrets, ConfigMaps and claims that pods of this machine refer
// to, and nothing of others. See replica_interface.hpp.
#pragma once

#include "runtime/environment.hpp"
#include "runtime/link/remote_state.hpp"
#include "runtime/link/replica_interface.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>

namespace thespis::runtime::link {

/// What a pod refers to: Secrets, ConfigMaps, PersistentVolumeClaims.
std::vector<reference> references_of(const api::object& pod);

struct references_deps {
  environment env;
  std::shared_ptr<remote_state> state; ///< this actor alone writes the resources below
  /// All that is needed now; what else is kept is forgotten after a while.
  std::function<std::set<reference>()> needed;
};

/// The resources that this actor keeps.
inline constexpr const char* referenced_resources[] = {
    "secrets", "configmaps", "persistentvolumeclaims", "persistentvolumes"};

class references_actor : public actor_base<references_handle> {
public:
  references_actor(caf::actor_config& cfg, references_deps deps);
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  struct kept {
    uint64_t watch = 0;
    bool known = false;                               ///< the server has said whether it is there
    std::chrono::steady_clock::duration not_before{}; ///< of the next watch
  };
  struct waiting {
    std::set<reference> left;
    caf::typed_response_promise<references_ready> promise;
  };

  caf::result<references_ready> need(const need_references& n);
  void keep(const reference& r);
  void open(const reference& r, kept& k);
  void take(const watch_batch& batch);
  void settle(const reference& r);
  void drop(const reference& r);
  void tick();
  void sweep();

  const references_deps deps_;
  gateway_handle gateway_;
  uint64_t next_watch_ = 1;
  std::map<reference, kept> kept_;
  std::map<uint64_t, reference> by_watch_;
  std::vector<waiting> waiting_;
  std::chrono::steady_clock::duration swept_{};
};

} // namespace thespis::runtime::link
