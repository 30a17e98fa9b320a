// Supervision: an actor that dies of an error is started again, and takes its role back.
#pragma once

#include "runtime/actor_base.hpp"
#include "runtime/environment.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace thespis::runtime {

/// Starts an actor. `self` is the supervisor: spawn with it, so that the tree is right.
using child_factory = std::function<caf::strong_actor_ptr(caf::local_actor& self)>;

/// What a supervisor keeps alive.
struct child_spec {
  std::string role; ///< under which the directory knows the child; unique
  child_factory start;
};

/// Starts a child and keeps it alive from now on.
struct supervise {
  std::shared_ptr<const child_spec> spec;
};

/// The child runs.
struct supervised {};

/// Ends a child for good.
struct dismiss {
  std::string role;
};

/// INTERNAL: a child's back-off is over.
struct restart_child {
  std::string role;
};

// clang-format off
using supervisor_handle = caf::typed_actor<
  /// Starts the child; answers when it runs.
  caf::replies_to<supervise>::with<supervised>,
  /// Ends the child; it is not started again.
  caf::reacts_to<dismiss>,
  /// INTERNAL
  caf::reacts_to<restart_child>>;
// clang-format on

/// How long a child that keeps dying waits: doubled from `first` to `longest`; a child that lived
/// for `forgiven` starts at `first` again.
struct restart_limits {
  std::chrono::milliseconds first{10};
  std::chrono::milliseconds longest{10'000};
  std::chrono::milliseconds forgiven{60'000};
};

/// One a process, at the root. Ends its children with it.
class supervisor_actor : public actor_base<supervisor_handle> {
public:
  supervisor_actor(caf::actor_config& cfg, std::shared_ptr<directory> roles,
                   restart_limits limits = {});
  behavior_type make_behavior() override;
  void on_exit() override;

protected:
  std::string describe() const override;

private:
  struct child {
    std::shared_ptr<const child_spec> spec;
    caf::actor_addr address;
    std::chrono::steady_clock::duration started{};
    int deaths = 0;
    uint64_t restarts = 0;
  };

  void start(child& c);
  void on_down(const caf::down_msg& down);

  std::shared_ptr<directory> roles_;
  const restart_limits limits_;
  std::map<std::string, child> children_;
};

} // namespace thespis::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::supervise)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::supervised)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::dismiss)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::restart_child)
