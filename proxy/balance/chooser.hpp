// Decides which endpoint of a service port a new flow goes to. Pure: time and chance are the
// caller's. One rule for packets and for messages between actors.
#pragma once

#include "proxy/balance/affinity.hpp"
#include "proxy/data/flow.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace thespis::proxy::balance {

/// Which endpoints a flow may reach: all that the service has for this machine, or with a policy of
/// Local those on it.
enum class reach : uint8_t { everywhere, here };

struct chooser_options {
  /// A TCP flow without an answer for so long has failed.
  std::chrono::milliseconds answer_limit{3000};
  /// So many failures on end eject an endpoint.
  uint32_t tolerated_failures = 2;
  /// For how long at first; doubled with each failure after that.
  std::chrono::milliseconds first_ejection{1000};
  std::chrono::milliseconds longest_ejection{60000};
  /// Flows that are followed; those beyond it are chosen for, but not counted.
  size_t followed_flows = 65536;
};

/// What is known of an endpoint.
struct endpoint_load {
  uint32_t outstanding = 0; ///< flows that began here and have not ended
  uint64_t chosen = 0;
  uint32_t failures = 0; ///< on end
  bool ejected = false;
  bool on_trial = false; ///< one flow tries whether it has recovered
  time_point back_at{};  ///< when an ejected endpoint is tried again
};

/// The choice is the less loaded of two endpoints drawn at random, among those not ejected; if all
/// are, among all, for trying beats refusing. A client with affinity keeps its endpoint while that
/// is there and not ejected. An ejected endpoint gets one flow when its time is over: an answer
/// brings it back, a failure doubles the time. Whether a flow of datagrams was answered is known
/// when it is over; silence is a failure only where the port has answered some, for there are ports
/// that never do. Not thread-safe; owned by one balancer.
class chooser {
public:
  /// Uniform in [0, n), n > 0.
  using random = std::function<uint32_t(uint32_t n)>;

  chooser(random draw, chooser_options options = {}) : draw_(std::move(draw)), options_(options) {}

  /// Takes new endpoints; what is known of those that stay is kept, and of those that go until
  /// their last flow has ended. `affinity`: 0 for none.
  void set(std::vector<backend> everywhere, std::vector<backend> here,
           std::chrono::seconds affinity);

  /// The place in the list of `from`; nothing when that is empty. `client` counts with affinity.
  std::optional<size_t> choose(reach from, uint64_t client, time_point now);
  /// The endpoints as given to `set`.
  const std::vector<backend>& endpoints(reach from) const {
    return from == reach::everywhere ? everywhere_ : here_;
  }

  /// A flow for which `where` was chosen begins.
  void begin(const flow& f, backend where, time_point now);
  /// News of a flow; of one that is not followed they tell about `where` only.
  void learn(const flow& f, backend where, flow_news news, time_point now);
  /// Flows without an answer in time have failed.
  void advance(time_point now);
  /// News were lost: exactly these flows are open. Those that began after `as_of` are kept.
  void recount(const std::vector<std::pair<flow, backend>>& open, time_point as_of);

  /// A use without a flow of packets, as of a message to an actor: ended by `release`.
  void acquire(backend where);
  void release(backend where, bool failed, time_point now);

  const std::map<backend, endpoint_load>& loads() const { return loads_; }
  size_t followed() const { return flows_.size(); }

private:
  struct followed_flow {
    backend where;
    time_point began;
    bool answered = false;
  };

  bool eligible(const backend& b, time_point now) const;
  size_t least_loaded_of_two(const std::vector<backend>& list, const std::vector<size_t>* only);
  size_t pick(const std::vector<backend>& list, time_point now);
  bool in_use(const backend& b) const;
  void end(std::unordered_map<flow, followed_flow, flow_hash>::iterator i);
  void drop_one(const backend& b);
  void succeeded(const backend& b);
  void failed(const backend& b, time_point now);
  void forget_if_gone(const backend& b);

  random draw_;
  chooser_options options_;
  std::vector<backend> everywhere_;
  std::vector<backend> here_;
  std::chrono::seconds affinity_{0};
  affinity_table clients_;
  std::map<backend, endpoint_load> loads_;
  size_t ejected_ = 0;
  bool datagrams_answered_ = false;
  std::unordered_map<flow, followed_flow, flow_hash> flows_;
  std::deque<std::pair<time_point, flow>> unanswered_; // TCP, oldest first; some are answered
};

} // namespace thespis::proxy::balance
