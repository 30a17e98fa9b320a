// What the nodes of a process run on: the control plane in the same process, or the link to one on
// another machine.
#pragma once

#include "actors/pod/pod_tokens.hpp"
#include "api/pipeline/reader.hpp"
#include "runtime/environment.hpp"
#include "runtime/supervisor.hpp"
#include "tools/cluster/cluster.hpp"

#include <caf/actor_system.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace thespis::tools {

struct node_host {
  caf::actor_system& sys;
  runtime::environment env;
  std::shared_ptr<const api::reader> state;
  /// Keeps an actor alive under that role. Blocks until it runs.
  std::function<void(std::string role, runtime::child_factory)> supervise;
  /// How service accounts' tokens are asked for as that node.
  std::function<actors::pod_token_deps(const std::string& node)> tokens;
  /// Starts what answers pods' DNS on that machine and returns where they ask; empty: they get the
  /// machine's.
  std::function<std::vector<std::string>(const std::string& node, const std::string& address)> dns;
  /// The environment of a simulated node; null: that above.
  std::function<runtime::environment(const std::string& node)> simulated_env = nullptr;
  std::string simulated_prefix; ///< of the names of simulated nodes: "worker-1."
  /// Where NetworkPolicies and all pods are watched; nothing: in that above.
  std::optional<runtime::environment> policy_env = std::nullopt;
};

/// The nodes of a control plane's own process. `c` outlives them.
node_host host_of(cluster& c, const config::settings& settings);

/// Asks for a token of that account, and reads the answer.
api::call token_call(const std::string& ns, const std::string& account,
                     const api::v1::token_request& r, const api::user_info& user);
api::result<api::v1::token_request> read_token(const std::string& body);

} // namespace thespis::tools
