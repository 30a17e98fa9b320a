#include "runtime/actor_system.hpp"
#include "runtime/introspection/introspector_interface.hpp"
#include "runtime/link/gateway_interface.hpp"
#include "runtime/network/network_interface.hpp"
#include "runtime/registry/registry_actor.hpp"
#include "runtime/requests/requests_interface.hpp"
#include "runtime/store/store_interface.hpp"
#include "runtime/streams/stream_interface.hpp"

namespace thespis::runtime {

namespace {

void register_introspection_messages(caf::actor_system_config& cfg) {
  cfg.add_message_type<actor_query>("actor_query");
  cfg.add_message_type<window_query>("window_query");
  cfg.add_message_type<actor_rows>("actor_rows");
  cfg.add_message_type<kind_query>("kind_query");
  cfg.add_message_type<kind_counts>("kind_counts");
  cfg.add_message_type<machine_query>("machine_query");
  cfg.add_message_type<machine_info>("machine_info");
  cfg.add_message_type<detail_query>("detail_query");
  cfg.add_message_type<actor_detail>("actor_detail");
  cfg.add_message_type<trace_start>("trace_start");
  cfg.add_message_type<trace_started>("trace_started");
  cfg.add_message_type<trace_next>("trace_next");
  cfg.add_message_type<trace_batch>("trace_batch");
  cfg.add_message_type<trace_stop>("trace_stop");
  cfg.add_message_type<diagnose_query>("diagnose_query");
  cfg.add_message_type<diagnosis>("diagnosis");
  cfg.add_message_type<change_actor>("change_actor");
  cfg.add_message_type<actor_changed>("actor_changed");
  cfg.add_message_type<set_log_level>("set_log_level");
  cfg.add_message_type<log_level_set>("log_level_set");
  cfg.add_message_type<journal_query>("journal_query");
  cfg.add_message_type<journal_answer>("journal_answer");
  cfg.add_message_type<window_over>("window_over");
  cfg.add_message_type<trace_watch>("trace_watch");
}

} // namespace

void register_runtime_messages(caf::actor_system_config& cfg) {
  // A type's name is wire format.
  cfg.add_message_type<describe_request>("describe_request");
  cfg.add_message_type<description>("description");
  cfg.add_message_type<api::error>("api_error");
  cfg.add_message_type<api::object_ref>("object_ref");
  cfg.add_message_type<write_batch>("write_batch");
  cfg.add_message_type<write_outcomes>("write_outcomes");
  cfg.add_message_type<batch_committed>("batch_committed");
  cfg.add_message_type<subscribe>("subscribe");
  cfg.add_message_type<unsubscribe>("unsubscribe");
  cfg.add_message_type<watch_ack>("watch_ack");
  cfg.add_message_type<watch_batch>("watch_batch");
  cfg.add_message_type<watch_closed>("watch_closed");
  cfg.add_message_type<progress_request>("progress_request");
  cfg.add_message_type<publish>("publish");
  cfg.add_message_type<registry_tick>("registry_tick");
  cfg.add_message_type<call_batch>("call_batch");
  cfg.add_message_type<call_outcomes>("call_outcomes");
  cfg.add_message_type<stream_data>("stream_data");
  cfg.add_message_type<stream_credit>("stream_credit");
  cfg.add_message_type<stream_end>("stream_end");
  cfg.add_message_type<stream_abort>("stream_abort");
  cfg.add_message_type<stream_alive>("stream_alive");
  cfg.add_message_type<stream_tick>("stream_tick");
  cfg.add_message_type<program_network>("program_network");
  cfg.add_message_type<network_programmed>("network_programmed");
  cfg.add_message_type<network_watch_again>("network_watch_again");
  cfg.add_message_type<link::link_hello>("link_hello");
  cfg.add_message_type<link::link_welcome>("link_welcome");
  cfg.add_message_type<link::api_call>("api_call");
  cfg.add_message_type<link::api_answer>("api_answer");
  cfg.add_message_type<link::open_watch>("open_watch");
  cfg.add_message_type<link::watch_credit>("watch_credit");
  cfg.add_message_type<link::close_watch>("close_watch");
  cfg.add_message_type<link::announce_role>("announce_role");
  cfg.add_message_type<link::withdraw_role>("withdraw_role");
  cfg.add_message_type<link::link_ended>("link_ended");
  register_introspection_messages(cfg);
}

} // namespace thespis::runtime
