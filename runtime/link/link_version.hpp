// Which builds understand each other: both ends of a link must know the same messages.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <string>

namespace thespis::runtime::link {

/// What a link begins with whatever it carries: the handshake, the guard and the gateway's part. To
/// be counted up when their rules change; messages are counted by link_protocol.
inline constexpr const char* link_base = "thespis-link/2";

/// The name that peers tell each other before a link is made: `link_base` and a digest of our
/// messages registered in `types`, their names and how many bytes a new one of each takes on the
/// wire. Equal for equal builds on any machine. `sys` is what messages are written with.
std::string link_protocol(caf::actor_system& sys, const caf::actor_system_config& types);

} // namespace thespis::runtime::link
