// How the answer of a port, which comes on a thread of the port, gets back onto its actor.
#pragma once

#include "api/result.hpp"

#include <caf/all.hpp>

#include <functional>
#include <memory>

namespace thespis::actors {

/// INTERNAL: a port's answer came; its continuation runs on the actor.
struct continuation {
  std::function<void()> run;
};

/// The role of actors that run continuations.
using continuable = caf::typed_actor<caf::reacts_to<continuation>>;

/// A callback that runs `f` with its argument on `self`; nothing happens when that actor is gone.
template <class T, class F>
std::function<void(T)> on_actor(const continuable& self, F f) {
  return [address = caf::actor_cast<caf::actor_addr>(self), f = std::move(f)](T value) {
    // std::function wants copies, the value may be movable only.
    auto shared = std::make_shared<T>(std::move(value));
    if (auto target = caf::actor_cast<continuable>(address))
      caf::anon_send(target, continuation{[f, shared] { f(std::move(*shared)); }});
  };
}

} // namespace thespis::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::actors::continuation)
