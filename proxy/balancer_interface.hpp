// What a balancer says. One a service port and address family on each machine: it knows how loaded
// the port's endpoints are and chooses one for each new flow of packets, and for each message to
// the service.
#pragma once

#include "proxy/balance/chooser.hpp"
#include "proxy/data/flow_events.hpp"
#include "proxy/data/flow_queue.hpp"
#include "runtime/actor_base.hpp"
#include "runtime/environment.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace thespis::proxy {

/// The service port as it is now.
struct balance_over {
  std::shared_ptr<const service_port> port;
};

/// A new flow whose first packet waits.
struct asked_flow {
  uint32_t packet = 0;
  uint32_t mark = 0; ///< of the packet
  flow what;
  balance::reach from = balance::reach::everywhere;
  uint32_t offset = 0; ///< of the frontend's numbers, see inside_offset
};

/// Takes verdicts, from any thread, without blocking.
class verdict_port {
public:
  virtual ~verdict_port() = default;
  virtual void answer(const std::vector<packet_verdict>& verdicts) = 0;
};

/// Flows that want an endpoint; each is answered at `to`.
struct choose_flows {
  std::vector<asked_flow> flows;
  std::shared_ptr<verdict_port> to;
};

/// News of the service port's flows.
struct flow_report {
  std::vector<flow_event> events;
};

/// News were lost: these are the open flows, counted after `as_of`.
struct flow_recount {
  std::vector<std::pair<flow, backend>> open;
  balance::time_point as_of;
};

/// Asks for an endpoint for something that is no flow of packets; counted until `endpoint_done`.
struct choose_endpoint {
  std::string client; ///< what session affinity goes by
};

/// Where it may go.
struct chosen_endpoint {
  std::string ip;
  uint16_t port = 0;
  std::string pod; ///< empty when the endpoint is no pod
};

/// What `choose_endpoint` gave is not used any more.
struct endpoint_done {
  std::string ip;
  uint16_t port = 0;
  bool failed = false; ///< it did not serve: counts towards ejecting it
};

/// A message for one of the service's pods: its actor (role `pod/<ns>/<name>`) gets `body` as if
/// the sender had sent it there, and answers the sender.
struct to_service {
  std::string client; ///< what session affinity goes by
  caf::message body;
};

// clang-format off
using balancer_handle = caf::typed_actor<
  /// Takes the endpoints and policies of the service port.
  caf::reacts_to<balance_over>,
  /// Chooses endpoints for flows.
  caf::reacts_to<choose_flows>,
  /// Learns which flows were answered, refused, ended.
  caf::reacts_to<flow_report>,
  /// Counts open flows anew.
  caf::reacts_to<flow_recount>,
  /// Chooses an endpoint; an error when there is none.
  caf::replies_to<choose_endpoint>::with<chosen_endpoint>,
  /// Ends such a use.
  caf::reacts_to<endpoint_done>,
  /// Hands a message to the actor of one of the pods; an error when there is none.
  caf::reacts_to<to_service>>;
// clang-format on

/// The role of a balancer in the directory of its machine. Without a port's name: the service's
/// first one.
inline std::string service_role(std::string_view ns, std::string_view name,
                                std::string_view port = {}) {
  auto res = "service/" + std::string{ns} + "/" + std::string{name};
  return port.empty() ? res : res + "/" + std::string{port};
}

/// Whom to send `to_service` for a service, or the null handle when there is none here. Untyped,
/// for the answer is the pod's: `self->request(service(*env.roles, ns, name), limit,
/// to_service{...})`.
inline caf::actor service(const runtime::directory& roles, std::string_view ns,
                          std::string_view name, std::string_view port = {}) {
  return roles.find<caf::actor>(service_role(ns, name, port));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, choose_endpoint& x) {
  return f(x.client);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chosen_endpoint& x) {
  return f(x.ip, x.port, x.pod);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, endpoint_done& x) {
  return f(x.ip, x.port, x.failed);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, to_service& x) {
  return f(x.client, x.body);
}

} // namespace thespis::proxy

// Within the machine only.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::proxy::balance_over)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::proxy::choose_flows)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::proxy::flow_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::proxy::flow_recount)
