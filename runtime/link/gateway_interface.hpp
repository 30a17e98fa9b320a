// What a gateway says: the one actor of a server that a linked peer is given. To the peer it is the
// API, with messages for requests: every call and every watch is judged as REST's are, as the user
// that the link was opened by.
#pragma once

#include "runtime/registry/registry_interface.hpp"
#include "runtime/requests/requests_interface.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace thespis::runtime::link {

/// First of all: who the peer is, for people and for the names it may use.
struct link_hello {
  std::string version; ///< of the program
  /// The node's name; of a program with a service account, what sets it apart from others with the
  /// same account.
  std::string machine;
  std::vector<std::string> roles;
  uint64_t epoch = 0; ///< grows with every link of the peer
};

/// What a machine must know of the cluster.
struct link_welcome {
  std::string version;
  std::string server; ///< the server's machine
  std::string pod_cidr;
  std::string service_cidr;
  std::string cluster_domain;
  std::string dns_ip; ///< empty: the cluster serves no DNS
  std::string proxy_mode;
  int64_t node_cidr_mask = 24;
  std::string network_backend; ///< how pods of machines reach each other
  int64_t vxlan_port = 0;
  /// Why the link is not wanted; empty: it is. What else is said is then not meant.
  std::string refused;
  /// The name by which the peer is known, and under which it may announce roles.
  std::string machine = {};
};

/// A call whose answer need not be an object (tokens, scales).
struct api_call {
  api::call call;
};
struct api_answer {
  bool ok = false;
  api::error failure;
  api::object_ref object;
  std::string body; ///< JSON, when the answer is no object
};

/// Starts a watch for the sender: batches come as watch_batch, each to be acknowledged by
/// watch_credit; watch_closed ends it. A big state comes in several batches, the last of which
/// says initial_end.
struct open_watch {
  uint64_t watch = 0; ///< chosen by the sender
  std::string resource;
  api::selection what;
  uint64_t from_revision = 0; ///< as in subscribe
  /// Of pods: only what NetworkPolicies ask about them, which is less than who may read pods sees.
  bool brief = false;
  /// The user of a role that the peer's machine has been given to play; empty: the peer itself.
  std::string as = {};
};
struct watch_credit {
  uint64_t watch = 0;
};
struct close_watch {
  uint64_t watch = 0;
};

/// The peer has an actor that plays a role: the server's directory leads there while the link is.
/// Only `<anything>/<own node>` may be announced.
struct announce_role {
  std::string role;
  caf::strong_actor_ptr actor;
};
struct withdraw_role {
  std::string role;
};

/// INTERNAL: the link is over.
struct link_ended {
  std::string why;
};
/// INTERNAL: time to see whether the peer still may be linked.
struct review_link {};
/// INTERNAL: a call that was prepared elsewhere has its answer.
struct call_done {
  uint64_t id = 0;
  std::shared_ptr<api::reply> reply;
};

// clang-format off
using gateway_handle = requests_handle::extend<
  /// Makes the link useful; before it nothing else is answered.
  caf::replies_to<link_hello>::with<link_welcome>,
  caf::replies_to<api_call>::with<api_answer>,
  caf::reacts_to<open_watch>,
  caf::reacts_to<watch_credit>,
  caf::reacts_to<close_watch>,
  caf::reacts_to<announce_role>,
  caf::reacts_to<withdraw_role>>;
// clang-format on

/// The role under which a linked process finds its server's gateway; nobody plays it while the link
/// is down. Look it up for every message.
inline constexpr std::string_view gateway_role = "gateway";

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, link_hello& x) {
  return f(x.version, x.machine, x.roles, x.epoch);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, link_welcome& x) {
  return f(x.version, x.server, x.pod_cidr, x.service_cidr, x.cluster_domain, x.dns_ip,
           x.proxy_mode, x.node_cidr_mask, x.network_backend, x.vxlan_port, x.refused, x.machine);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, api_call& x) {
  return f(x.call);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, api_answer& x) {
  return f(x.ok, x.failure, x.object, x.body);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, open_watch& x) {
  return f(x.watch, x.resource, x.what, x.from_revision, x.brief, x.as);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, watch_credit& x) {
  return f(x.watch);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, close_watch& x) {
  return f(x.watch);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, announce_role& x) {
  return f(x.role, x.actor);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, withdraw_role& x) {
  return f(x.role);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, link_ended& x) {
  return f(x.why);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, review_link&) {
  return f();
}

} // namespace thespis::runtime::link

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::link::call_done)
