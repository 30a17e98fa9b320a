#include "tools/cluster/process_config.hpp"

#include "actors/messages.hpp"
#include "proxy/messages.hpp"
#include "runtime/link/link_version.hpp"

#include <caf/io/middleman.hpp>

namespace thespis::tools {

process_config::process_config(const config::settings& settings)
    : system_config(static_cast<size_t>(settings.actors.threads)) {
  actors::register_actor_messages(*this);
  proxy::register_proxy_messages(*this);
  load<caf::io::middleman>();
  // Messages are read where they arrive: a hand-over to another thread costs more than it saves.
  set("middleman.workers", int64_t{0});
  const auto span = [](config::duration d) { return caf::timespan{d}; };
  set("middleman.heartbeat-interval", span(settings.link.heartbeat));
  set("middleman.connection-timeout", span(settings.link.timeout));
  set("middleman.app-identifiers", std::vector<std::string>{runtime::link::link_base});
}

std::string machine_protocol(caf::actor_system& sys) {
  return runtime::link::link_protocol(sys, sys.config());
}

std::string program_protocol(caf::actor_system& sys) {
  runtime::system_config types;
  actors::register_actor_messages(types);
  return runtime::link::link_protocol(sys, types);
}

} // namespace thespis::tools
