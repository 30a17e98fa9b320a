#include "proxy/messages.hpp"

#include "proxy/balancer_interface.hpp"

namespace thespis::proxy {

void register_proxy_messages(caf::actor_system_config& cfg) {
  // A type's name is wire format.
  cfg.add_message_type<choose_endpoint>("choose_endpoint");
  cfg.add_message_type<chosen_endpoint>("chosen_endpoint");
  cfg.add_message_type<endpoint_done>("endpoint_done");
  cfg.add_message_type<to_service>("to_service");
}

} // namespace thespis::proxy
