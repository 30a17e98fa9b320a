// The replica actor: see replica_interface.hpp.
#pragma once

#include "runtime/environment.hpp"
#include "runtime/link/replica_interface.hpp"
#include "runtime/registry/registry_actor.hpp"
#include "runtime/store/snapshot.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace thespis::runtime::link {

struct replica_deps {
  environment env;                  ///< its directory gets the registry
  std::shared_ptr<directory> links; ///< where the gateway and the references actor are found
  std::string resource;
  api::selection what;
  std::shared_ptr<snapshots> copy; ///< written by this actor alone
  matcher_factory matchers;
  window_limits window = {};
  /// What must be here before the objects are shown; null: nothing.
  std::function<std::vector<reference>(const std::vector<api::watch_event>&)> references = nullptr;
  /// As open_watch's.
  std::string as = {};
};

/// Invariants: local watchers see a state only when it is whole, and never go back; a gap in the
/// history becomes a new registry, so that everybody lists again.
class replica_actor : public actor_base<replica_handle> {
public:
  replica_actor(caf::actor_config& cfg, replica_deps deps);
  behavior_type make_behavior() override;
  void on_exit() override;

protected:
  std::string describe() const override;

private:
  void connect();
  void connect_later();
  void connect_later(std::chrono::milliseconds wait);
  void refused(const api::error& why);
  void disconnect();
  void take(const watch_batch& batch);
  void apply(const api::watch_events& what);
  void install(const api::watch_events& last);
  void start_registry();
  void acknowledge();

  const replica_deps deps_;
  gateway_handle gateway_; ///< that the watch runs over; null while there is none
  uint64_t watch_ = 0;     ///< number of the present watch
  uint64_t revision_ = 0;  ///< up to which all is known; 0: nothing is
  bool listing_ = false;   ///< the state is arriving from its beginning
  std::vector<api::object_ptr> arriving_;
  registry_handle registry_;
  uint64_t tick_ = 0;
  std::chrono::milliseconds patience_{0}; ///< the wait after the last refusal
  std::string trouble_;                   ///< the last refusal, so that it is logged once
};

} // namespace thespis::runtime::link
