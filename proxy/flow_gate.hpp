// Where packets meet messages: reads the kernel's queue and conntrack's news, hands them to the
// balancers in batches, and their verdicts back to the kernel.
#pragma once

#include "proxy/balancer_interface.hpp"

#include <atomic>
#include <memory>

namespace thespis::proxy {

struct flow_gate_options {
  uint16_t first_queue = 0; ///< the first NFQUEUE number to try
  uint32_t choice_mark = 0; ///< see data_path_options
  std::vector<std::string> pod_cidrs;
  /// A packet whose balancer is silent for so long is left to the kernel's choice.
  std::chrono::milliseconds patience{50};
};

/// What a gate has done.
struct flow_gate_figures {
  uint64_t asked = 0;   ///< packets handed to balancers
  uint64_t batches = 0; ///< messages that took
  uint64_t unknown = 0; ///< packets of no balancer: the kernel's choice
  uint64_t late = 0;    ///< packets whose balancer did not answer in time: likewise
  uint64_t news = 0;    ///< pieces of news told to balancers
};

/// Has a thread of its own. The balancers run on it while their messages are theirs alone, through
/// their mailboxes as always: another wake-up a batch would cost more than the choice. What else
/// they send goes to the actor system's workers.
class flow_gate {
public:
  /// Called when conntrack's news were lost, at most once in two seconds, on the gate's thread.
  using on_lost = std::function<void()>;

  /// In the calling thread's network namespace. `sys` must outlive the gate.
  static api::result<std::unique_ptr<flow_gate>> start(caf::actor_system& sys,
                                                       flow_gate_options options, on_lost lost);
  ~flow_gate();
  flow_gate(const flow_gate&) = delete;

  uint16_t queue() const;
  /// Flows to this service port are the balancer's, unless a port of a lower name claims them.
  void set(const service_port_name& name, const service_port& port, balancer_handle balancer);
  void erase(const service_port_name& name);
  /// Groups flows by balancer: every balancer appears, also without flows.
  std::vector<std::pair<balancer_handle, std::vector<std::pair<flow, backend>>>>
  group(const std::vector<flow_event>& flows) const;
  flow_gate_figures figures() const;

private:
  struct parts;
  explicit flow_gate(std::unique_ptr<parts> p);
  std::unique_ptr<parts> parts_;
};

} // namespace thespis::proxy
