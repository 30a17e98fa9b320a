#include "actors/messages.hpp"

#include "actors/framework/controller_interface.hpp"
#include "actors/node/folders_interface.hpp"
#include "actors/node/node_interface.hpp"
#include "actors/placement/placement_interface.hpp"
#include "actors/pod/pod_interface.hpp"
#include "actors/scheduler/scheduler_interface.hpp"
#include "actors/usage/usage_interface.hpp"

namespace thespis::actors {

void register_actor_messages(caf::actor_system_config& cfg) {
  // A type's name is wire format.
  cfg.add_message_type<refresh_watches>("refresh_watches");
  cfg.add_message_type<run_queue>("run_queue");
  cfg.add_message_type<wake_key>("wake_key");
  cfg.add_message_type<resubscribe>("resubscribe");
  cfg.add_message_type<forget_parsed>("forget_parsed");
  cfg.add_message_type<schedule_now>("schedule_now");
  cfg.add_message_type<retry_unschedulable>("retry_unschedulable");
  cfg.add_message_type<watch_again>("watch_again");
  cfg.add_message_type<pod_update>("pod_update");
  cfg.add_message_type<container_hint>("container_hint");
  cfg.add_message_type<end_pod>("end_pod");
  cfg.add_message_type<pod_tick>("pod_tick");
  cfg.add_message_type<refresh_volumes>("refresh_volumes");
  cfg.add_message_type<container_query>("container_query");
  cfg.add_message_type<container_location>("container_location");
  cfg.add_message_type<pod_status_changed>("pod_status_changed");
  cfg.add_message_type<pod_event>("pod_event");
  cfg.add_message_type<pod_released>("pod_released");
  cfg.add_message_type<find_container>("find_container");
  cfg.add_message_type<open_log>("open_log");
  cfg.add_message_type<open_connection>("open_connection");
  cfg.add_message_type<stream_opened>("stream_opened");
  cfg.add_message_type<remove_folder>("remove_folder");
  cfg.add_message_type<folder_removed>("folder_removed");
  cfg.add_message_type<usage_query>("usage_query");
  cfg.add_message_type<usage_report>("usage_report");
  cfg.add_message_type<ask_usage>("ask_usage");
  cfg.add_message_type<node_page_query>("node_page_query");
  cfg.add_message_type<node_page>("node_page");
  cfg.add_message_type<heartbeat>("heartbeat");
  cfg.add_message_type<relist>("relist");
  cfg.add_message_type<flush_statuses>("flush_statuses");
  cfg.add_message_type<host_query>("host_query");
  cfg.add_message_type<host_report>("host_report");
  cfg.add_message_type<take_role>("take_role");
  cfg.add_message_type<role_taken>("role_taken");
  cfg.add_message_type<leave_role>("leave_role");
  cfg.add_message_type<role_left>("role_left");
}

} // namespace thespis::actors
