// What an uplink says: the actor of an agent that keeps the link to the server.
#pragma once

#include "runtime/actor_base.hpp"
#include "runtime/link/gateway_interface.hpp"

#include <memory>
#include <string>

namespace thespis::runtime::link {

/// An actor of this process plays a role that the server shall know, now and after every loss of
/// the link: "node/worker-1".
struct offer_role {
  std::string role;
  caf::strong_actor_ptr actor;
};

/// INTERNAL: time to connect.
struct dial_now {};
/// INTERNAL: time to look after the machine's certificate.
struct maintain_now {};
/// INTERNAL: what became of connecting; `socket` is null when it failed.
struct dialed {
  std::shared_ptr<void> socket;
  std::string why;
};
/// INTERNAL: the other end's gateway, or why there is none.
struct link_opened {
  uint64_t epoch = 0;
  caf::strong_actor_ptr gateway;
  std::string why;
};
/// INTERNAL: the link of that epoch is over.
struct link_lost {
  uint64_t epoch = 0;
  std::string why;
};

// clang-format off
using uplink_handle = caf::typed_actor<
  caf::reacts_to<offer_role>,
  /// INTERNAL
  caf::reacts_to<dial_now>,
  /// INTERNAL
  caf::reacts_to<maintain_now>,
  /// INTERNAL
  caf::reacts_to<dialed>,
  /// INTERNAL
  caf::reacts_to<link_opened>,
  /// INTERNAL
  caf::reacts_to<link_lost>>;
// clang-format on

/// The role of the uplink in the directory.
inline constexpr std::string_view uplink_role = "uplink";

} // namespace thespis::runtime::link

// None of these leaves the process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::link::offer_role)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::link::dial_now)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::link::maintain_now)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::link::dialed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::link::link_opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::link::link_lost)
