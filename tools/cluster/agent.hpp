// A machine that is part of a cluster whose server runs elsewhere: its own actor system, the link,
// and local copies of what its nodes need. `thespis agent` starts from here.
#pragma once

#include "api/outbound/worker_pool.hpp"
#include "config/settings.hpp"
#include "runtime/link/gateway_interface.hpp"
#include "runtime/link/remote_state.hpp"
#include "tools/cluster/join.hpp"
#include "tools/cluster/node_host.hpp"

#include <caf/actor_system.hpp>

#include <future>
#include <memory>
#include <mutex>
#include <optional>

namespace thespis::tools {

/// Keeps the machine's credentials: gives them to who connects, and renews them in time.
class credential_keeper {
public:
  credential_keeper(join_options options, credentials c)
      : options_(std::move(options)), credentials_(std::move(c)) {}
  credentials get() const;
  /// Renews them when it is time. Blocks. Errors: those of renew().
  api::result<bool> refresh(config::wall_time now);

private:
  const join_options options_;
  mutable std::mutex mutex_;
  credentials credentials_;
};

class agent {
public:
  /// Starts the actors; they connect by themselves, and again whenever the link is lost.
  agent(const config::settings& settings, std::shared_ptr<credential_keeper> keeper);
  ~agent();
  agent(const agent&) = delete;
  agent& operator=(const agent&) = delete;

  caf::actor_system& system();
  /// What the server has told of the cluster. Blocks until the first link; nothing after `limit`.
  std::optional<runtime::link::link_welcome> wait_for_welcome(std::chrono::seconds limit);
  /// Starts the copies of what nodes need; waits until they are whole. False when that took longer
  /// than `limit`.
  bool start_replicas(const std::string& node, std::chrono::seconds limit);
  /// What this machine's nodes run on. The settings are the cluster's.
  node_host host(const config::settings& settings);
  void supervise(std::string role, runtime::child_factory start);
  /// Keeps an actor alive under that role, and has the server know it.
  void offer(const std::string& role, runtime::child_factory start);
  const runtime::environment& env() const { return env_; }

private:
  void start_uplink(const config::settings& settings);
  void start_replica(const runtime::environment& env, const std::string& resource,
                     api::selection what, std::shared_ptr<runtime::snapshots> copy,
                     const std::string& role);
  /// Has a resource watched through the link for whoever looks into that directory.
  void relay(const std::string& resource, bool brief,
             const std::shared_ptr<runtime::directory>& into, const std::string& role);
  runtime::environment policy_env();
  runtime::environment simulated_env(const std::string& node);

  struct machine;
  std::unique_ptr<machine> machine_;
  runtime::environment env_;
  std::shared_ptr<runtime::link::remote_state> state_;
  std::shared_ptr<credential_keeper> keeper_;
  std::shared_ptr<api::outbound::worker_pool> blocking_;
  std::shared_ptr<std::promise<runtime::link::link_welcome>> welcome_;
  std::shared_future<runtime::link::link_welcome> welcomed_;
  runtime::supervisor_handle supervisor_;
};

} // namespace thespis::tools
