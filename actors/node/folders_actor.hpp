// The folders actor: see folders_interface.hpp.
#pragma once

#include "actors/node/folders_interface.hpp"
#include "actors/pod/continuation.hpp"

#include <functional>

namespace thespis::actors {

struct folders_deps {
  std::string node;
  std::string folder; ///< absolute; what is in it is the volumes'
  /// Runs disk work where it may block.
  std::function<void(std::function<void()>)> run;
};

using folders_actor_handle = folders_handle::extend<
    /// INTERNAL
    caf::reacts_to<continuation>>;

/// Removes nothing but what lies directly in its folder, whoever asks.
class folders_actor : public runtime::actor_base<folders_actor_handle> {
public:
  folders_actor(caf::actor_config& cfg, folders_deps deps)
      : actor_base(cfg, "folders", deps.node), deps_(std::move(deps)) {}
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  const folders_deps deps_;
  uint64_t asked_ = 0;
};

} // namespace thespis::actors
