// A whole cluster in one process: the composition root. `thespis up`, the bench and the cluster
// tests start from here.
#pragma once

#include "api/outbound/https_client.hpp"
#include "api/outbound/worker_pool.hpp"
#include "api/pipeline/pipeline.hpp"
#include "api/schema/schema.hpp"
#include "config/settings.hpp"
#include "runtime/environment.hpp"
#include "runtime/requests/requests_interface.hpp"
#include "runtime/store/engine.hpp"
#include "runtime/store/snapshot.hpp"
#include "runtime/supervisor.hpp"
#include "tools/cluster/cluster_backend.hpp"
#include "tools/cluster/custom_resources.hpp"

#include <caf/actor_system.hpp>

#include <functional>
#include <memory>
#include <string>

namespace thespis::tools {

/// The control plane: store, registries, request bridge, scheduler and controllers, under one
/// supervisor. Nodes and the REST server are added by the owner.
class cluster {
public:
  /// Starts all actors on the objects of `storage`. `root_ca` (PEM) is told to pods; may be empty.
  cluster(const config::settings& settings, std::shared_ptr<runtime::engine> storage,
          const std::string& root_ca = {});
  ~cluster();
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;

  caf::actor_system& system();
  const runtime::environment& env() const { return env_; }
  const std::shared_ptr<runtime::snapshots>& state() const { return state_; }
  cluster_backend& backend() { return *backend_; }
  /// The kinds that are served now.
  const api::schema::registry& schemas() const { return *schemas_; }

  /// Runs work that waits for other servers, for the REST server; false when there is too much.
  std::function<bool(std::function<void()>)> offload() const;

  /// Keeps an actor alive under that role. Blocks until it runs.
  void supervise(std::string role, runtime::child_factory start);

  /// Runs calls through the request bridge, as an administrator. Blocks; for start-up and tests.
  runtime::call_outcomes run(std::vector<api::call> calls);

private:
  void start_custom_resources();
  void start_storage(const config::settings& settings, std::shared_ptr<runtime::engine> storage);
  void start_controllers(const config::settings& settings, const std::string& root_ca);

  struct host;
  std::unique_ptr<host> host_;
  std::shared_ptr<api::schema::registry> schemas_;
  runtime::environment env_;
  std::shared_ptr<runtime::snapshots> state_;
  std::shared_ptr<const api::pipeline> pipeline_;
  std::shared_ptr<api::outbound::https_client> outbound_;
  std::shared_ptr<api::outbound::worker_pool> blocking_; ///< threads that wait for webhooks
  std::shared_ptr<custom_resources> custom_resources_;
  std::unique_ptr<cluster_backend> backend_;
  runtime::supervisor_handle supervisor_;
};

} // namespace thespis::tools
