// What places roles: the scheduler and controllers run on one machine each, and can be moved. The
// placement actor of the server decides; a role host on every machine starts and ends what it is
// told to.
#pragma once

#include "api/error.hpp"
#include "runtime/actor_base.hpp"
#include "runtime/object_messages.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::actors {

/// What roles are set up with, wherever they run: the server's settings. Times in nanoseconds.
struct role_settings {
  int64_t initial_backoff = 5'000'000;
  int64_t max_backoff = 1'000'000'000'000;
  int64_t max_endpoints = 100; ///< of one EndpointSlice
  int64_t node_grace = 50'000'000'000;
  int64_t node_startup_grace = 60'000'000'000;
  int64_t finished_pods = 12'500;
  int64_t event_ttl = 3'600'000'000'000;
  int64_t api_port = 6443;
  std::string service_cidr;
  std::string root_ca; ///< PEM
};

/// Asks a role host what its machine offers.
struct host_query {};
struct host_report {
  std::vector<std::string> offers; ///< "scheduler", "controller/deployment", "controller/*"
  std::vector<std::string> runs;
};

/// The machine is to play the role from now on, as the user of that name.
struct take_role {
  std::string role; ///< "scheduler", "controller/deployment"
  std::string user;
  role_settings settings;
};
struct role_taken {
  bool ok = false;
  std::string why; ///< when it is not
};

/// The machine is to play the role no more; answered when all that it has written is answered.
struct leave_role {
  std::string role;
};
struct role_left {};

// clang-format off
using role_host_handle = caf::typed_actor<
  caf::replies_to<host_query>::with<host_report>,
  /// Starts it. The sender is watched: when it goes, with the link or without, roles end.
  caf::replies_to<take_role>::with<role_taken>,
  /// Ends it, if it runs.
  caf::replies_to<leave_role>::with<role_left>>;
// clang-format on

inline constexpr std::string_view role_host_prefix = "rolehost/";
/// The role of a machine's role host in the directory.
inline std::string role_host_role(std::string_view machine) {
  return std::string{role_host_prefix} + std::string{machine};
}

/// A person wants the role elsewhere.
struct move_role {
  std::string role;
  std::string to; ///< a machine
};
struct role_moved {
  bool ok = false;
  /// not_found, forbidden, conflict (a move is under way), bad_request (the machine does not offer
  /// it), service_unavailable (it could not be started there: it runs where it can).
  api::error failure;
  std::string from;
};

/// Asks where roles are.
struct roles_query {};
struct placed_role {
  std::string role;
  std::string machine; ///< empty: nobody plays it at the moment
  std::string state;   ///< "running", "starting", "leaving", "lost", "waiting"
  uint64_t moves = 0;
};
struct placed_roles {
  std::vector<placed_role> roles;
};

/// INTERNAL: look who is there.
struct placement_tick {};

// clang-format off
using placement_handle = caf::typed_actor<
  /// Answers when the role runs there, or does not.
  caf::replies_to<move_role>::with<role_moved>,
  caf::replies_to<roles_query>::with<placed_roles>,
  /// INTERNAL
  caf::reacts_to<placement_tick>>;
// clang-format on

/// The role of the placement actor in the directory.
inline constexpr std::string_view placement_role = "placement";

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, role_settings& x) {
  return f(x.initial_backoff, x.max_backoff, x.max_endpoints, x.node_grace, x.node_startup_grace,
           x.finished_pods, x.event_ttl, x.api_port, x.service_cidr, x.root_ca);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, host_query&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, host_report& x) {
  return f(x.offers, x.runs);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, take_role& x) {
  return f(x.role, x.user, x.settings);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, role_taken& x) {
  return f(x.ok, x.why);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, leave_role& x) {
  return f(x.role);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, role_left&) {
  return f();
}

} // namespace thespis::actors

// None of these leaves the process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::actors::move_role)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::actors::role_moved)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::actors::roles_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::actors::placed_roles)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::actors::placement_tick)
