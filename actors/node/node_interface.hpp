// What a node actor says. One a machine (or simulated machine): it watches the pods bound to it,
// keeps one pod actor for each, and tells the API how they and the node are.
#pragma once

#include "actors/node/page_messages.hpp"
#include "actors/node/usage_messages.hpp"
#include "actors/pod/pod_interface.hpp"
#include "runtime/actor_base.hpp"
#include "runtime/registry/registry_interface.hpp"
#include "runtime/streams/stream_interface.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace thespis::actors {

/// A pod's status, as a merge patch of the status subresource.
struct pod_status_changed {
  std::string ns;
  std::string name;
  std::string uid;
  std::string body;
};

/// Something to record as an Event about a pod.
struct pod_event {
  api::object_ref pod;
  std::string type;
  std::string reason;
  std::string message;
  std::string field_path; ///< "spec.containers{web}"
};

/// The pod has no process left; its last status was told before.
struct pod_released {
  std::string ns;
  std::string name;
  std::string uid;
};

/// Finds a container on this node.
struct find_container {
  std::string ns;
  std::string pod;
  container_query what;
};

/// Opens a container's log. Numbers below 0 stand for none.
struct open_log {
  std::string ns;
  std::string pod;
  container_query what;
  bool follow = false;
  bool timestamps = false;
  int64_t tail_lines = -1;
  int64_t since_seconds = -1; ///< before the node's present
  int64_t since_nanos = -1;   ///< since the epoch
  int64_t limit_bytes = -1;
};

/// Opens a connection to the runtime's streaming server, for one request of HTTP.
struct open_connection {
  std::string ns;
  std::string pod;
  std::string container;
  std::string kind; ///< "exec", "attach", "portforward"
  std::vector<std::string> command;
  bool in = false;
  bool out = false;
  bool err = false;
  bool tty = false;
  std::vector<int32_t> ports;
};

/// The node's end of a stream; it begins when somebody gives it credit.
struct stream_opened {
  bool ok = false;
  api::error failure;
  runtime::stream_handle stream;
  std::string url; ///< what a connection's request is to ask for
};

/// INTERNAL: time to renew the node's lease, and now and then its status.
struct heartbeat {};
/// INTERNAL: time to compare pods with what the runtime has.
struct relist {};
/// INTERNAL: statuses wait to be written.
struct flush_statuses {};

// clang-format off
using node_handle = runtime::watcher_handle::extend<
  /// Keeps the newest status of a pod until it is written.
  caf::reacts_to<pod_status_changed>,
  /// Records an Event.
  caf::reacts_to<pod_event>,
  /// Removes a deleted pod from the API and ends its actor.
  caf::reacts_to<pod_released>,
  /// Where a container's log is and which id the runtime knows it by.
  caf::replies_to<find_container>::with<container_location>,
  /// A container's log as a stream that only gives.
  caf::replies_to<open_log>::with<stream_opened>,
  /// exec, attach and port-forward, before the client's request was passed on.
  caf::replies_to<open_connection>::with<stream_opened>,
  /// What the node and its containers use now.
  caf::replies_to<usage_query>::with<usage_report>,
  /// A page of kubelet's.
  caf::replies_to<node_page_query>::with<node_page>,
  /// Hints from the runtime go to all pods.
  caf::reacts_to<container_hint>,
  /// INTERNAL
  caf::reacts_to<continuation>,
  /// INTERNAL
  caf::reacts_to<heartbeat>,
  /// INTERNAL
  caf::reacts_to<relist>,
  /// INTERNAL
  caf::reacts_to<flush_statuses>>;
// clang-format on

/// The role of a node's actor in the directory: "node/worker-1".
inline std::string node_role(std::string_view name) {
  return "node/" + std::string{name};
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, pod_status_changed& x) {
  return f(x.ns, x.name, x.uid, x.body);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, pod_event& x) {
  return f(x.pod, x.type, x.reason, x.message, x.field_path);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, pod_released& x) {
  return f(x.ns, x.name, x.uid);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, find_container& x) {
  return f(x.ns, x.pod, x.what);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, open_log& x) {
  return f(x.ns, x.pod, x.what, x.follow, x.timestamps, x.tail_lines, x.since_seconds,
           x.since_nanos, x.limit_bytes);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, open_connection& x) {
  return f(x.ns, x.pod, x.container, x.kind, x.command, x.in, x.out, x.err, x.tty, x.ports);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, stream_opened& x) {
  return f(x.ok, x.failure, x.stream, x.url);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, heartbeat&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, relist&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, flush_statuses&) {
  return f();
}

} // namespace thespis::actors
