// The registry actor: one a resource. See registry_interface.hpp.
#pragma once

#include "runtime/registry/registry_interface.hpp"
#include "runtime/registry/registry_state.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace thespis::runtime {

struct registry_deps {
  std::string resource;
  std::shared_ptr<const api::reader> snapshot;
  matcher_factory matchers;
  window_limits limits;
};

/// INTERNAL: time to trim the window.
struct registry_tick {};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, registry_tick&) {
  return f();
}

using registry_actor_handle = registry_handle::extend<caf::reacts_to<registry_tick>>;

/// Lives as long as its resource is served. Ends the watches of watchers that die.
class registry_actor : public actor_base<registry_actor_handle> {
public:
  registry_actor(caf::actor_config& cfg, registry_deps deps);
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  using key = std::pair<caf::actor_addr, uint64_t>;

  void handle(const subscribe& s);
  void deliver(std::vector<delivery> due);
  void close(watcher_id id, api::error why);
  void forget(const caf::actor_addr& watcher);
  watcher_id find(const watcher_handle& watcher, uint64_t watch) const;
  registry_state::time_point now() const;

  const std::string resource_;
  registry_state state_;
  uint64_t next_id_ = 1;
  std::map<key, watcher_id> ids_;
  std::unordered_map<watcher_id, std::pair<watcher_handle, uint64_t>> handles_;
};

} // namespace thespis::runtime
