// The actor behind one HTTP watch: batches come as messages and go to the connection.
#pragma once

#include "api/rest/backend.hpp"
#include "runtime/environment.hpp"
#include "runtime/registry/registry_interface.hpp"

#include <memory>
#include <string>

namespace thespis::tools {

/// INTERNAL: the client took the last batch.
struct client_ready {};
/// INTERNAL: the client would like a bookmark.
struct client_wants_progress {};

// clang-format off
using watch_bridge_handle = runtime::watcher_handle::extend<
  /// INTERNAL
  caf::reacts_to<client_ready>,
  /// INTERNAL
  caf::reacts_to<client_wants_progress>>;
// clang-format on

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, client_ready&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, client_wants_progress&) {
  return f();
}

struct watch_bridge_deps {
  std::shared_ptr<runtime::directory> roles;
  std::string resource;
  api::selection what;
  uint64_t from_revision = 0;
  api::rest::watch_callbacks callbacks;
};

/// Lives as long as the client's watch.
class watch_bridge_actor : public runtime::actor_base<watch_bridge_handle> {
public:
  watch_bridge_actor(caf::actor_config& cfg, watch_bridge_deps deps)
      : actor_base(cfg, "watch", deps.resource), deps_(std::move(deps)) {}
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  void close(api::error why);

  watch_bridge_deps deps_;
  runtime::registry_handle registry_;
};

/// Starts a watch; destroying the handle ends it.
std::unique_ptr<api::rest::watch_handle> start_watch(caf::actor_system& sys,
                                                     watch_bridge_deps deps);

} // namespace thespis::tools
