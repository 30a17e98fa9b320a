// A client's watch of actors.thespis.dev: looks now and then, and tells what is different.
#pragma once

#include "tools/cluster/introspect/actor_objects.hpp"

#include <functional>
#include <memory>

namespace thespis::tools {

/// INTERNAL: time to look.
struct look_again {};
/// INTERNAL: what was seen.
struct actors_seen {
  std::shared_ptr<const api::listing> list;
};
/// The client took the last batch.
struct actor_watcher_ready {};
/// The client wants to be told the present revision.
struct actor_watcher_wants_progress {};

using actor_watch_handle = caf::typed_actor<caf::reacts_to<look_again>, caf::reacts_to<actors_seen>,
                                            caf::reacts_to<actor_watcher_ready>,
                                            caf::reacts_to<actor_watcher_wants_progress>>;

/// One a watch; ends with its client's connection.
class actor_watch_actor : public runtime::actor_base<actor_watch_handle> {
public:
  actor_watch_actor(caf::actor_config& cfg, actor_watch_deps deps)
      : actor_base(cfg, "watch", std::string{actors_resource}), deps_(std::move(deps)) {}
  behavior_type make_behavior() override;

private:
  void begin();
  void tell(const api::listing& now);
  bool wanted(const api::object& o) const;
  void close(api::error why);

  actor_watch_deps deps_;
  std::function<bool(const api::object&)> matches_;
  api::listing told_; ///< what the client knows
  bool ready_ = true;
  bool initial_ = false;
  std::chrono::steady_clock::duration asked_{};
};

} // namespace thespis::tools

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::tools::look_again)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::tools::actors_seen)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::tools::actor_watcher_ready)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::tools::actor_watcher_wants_progress)
