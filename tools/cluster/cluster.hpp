// A whole cluster in one process: the composition root. `thespis up`, the bench and the cluster
// tests start from here.
#pragma once

#include "actors/controllers/controllers.hpp"
#include "actors/placement/role_table.hpp"
#include "api/audit/calls.hpp"
#include "api/auth/policy.hpp"
#include "api/auth/service_account_tokens.hpp"
#include "api/fairness/gate.hpp"
#include "api/outbound/extensions.hpp"
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
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::tools {

/// What the cluster proves itself with. All may be empty: pods are then told no authority, and no
/// tokens are issued.
struct cluster_identity {
  std::string root_ca;                         ///< PEM
  std::vector<std::string> token_keys;         ///< PEM; the first signs service accounts' tokens
  actors::signing_port sign = nullptr;         ///< certificates for others' keys
  api::outbound::front_proxy front_proxy = {}; ///< what extension servers know us by
};

/// The control plane: store, registries, request bridge, scheduler and controllers, under one
/// supervisor. Nodes and the REST server are added by the owner.
class cluster {
public:
  /// Starts all actors on the objects of `storage`. What they write is told to `audit`; null:
  /// nobody.
  cluster(const config::settings& settings, std::shared_ptr<runtime::engine> storage,
          const cluster_identity& identity = {},
          std::shared_ptr<const api::audit::sink> audit = nullptr);
  ~cluster();
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;

  caf::actor_system& system();
  const runtime::environment& env() const { return env_; }
  const std::shared_ptr<runtime::snapshots>& state() const { return state_; }
  /// Who may do what; follows the cluster's roles and bindings.
  const std::shared_ptr<api::auth::policy>& access() const { return access_; }
  /// Who may come in now; follows the cluster's flow schemas.
  const std::shared_ptr<api::fairness::gate>& gate() const { return gate_; }
  /// Issues and knows service accounts' tokens; null without keys.
  const std::shared_ptr<const api::auth::service_account_tokens>& tokens() const { return tokens_; }
  /// Whose a bearer token is: a service account's or a new machine's.
  std::optional<api::auth::token_identity>
  authenticate(std::string_view token, const std::vector<std::string>& audiences) const;
  /// The pipeline that all writes take; for questions that write nothing.
  const std::shared_ptr<const api::pipeline>& pipeline() const { return pipeline_; }
  cluster_backend& backend() { return *backend_; }
  /// Where actors' calls are written down; null: nowhere.
  const std::shared_ptr<api::audit::call_auditor>& audit() const { return audit_; }
  /// The kinds that are served now.
  const api::schema::registry& schemas() const { return *schemas_; }

  /// Who may write as which placed role.
  const std::shared_ptr<actors::role_table>& roles() const { return roles_; }

  /// What extension servers answer for.
  const std::shared_ptr<api::outbound::extension_table>& extensions() const { return extensions_; }

  /// Runs work that waits for other servers, for the REST server; false when there is too much.
  std::function<bool(std::function<void()>)> offload() const;

  /// Keeps an actor alive under that role. Blocks until it runs.
  void supervise(std::string role, runtime::child_factory start);

  /// Runs calls through the request bridge, as an administrator. Blocks; for start-up and tests.
  runtime::call_outcomes run(std::vector<api::call> calls);

private:
  void start_introspection(const config::settings& settings);
  void start_custom_resources();
  void load_tokens(const cluster_identity& identity);
  void start_storage(const config::settings& settings, std::shared_ptr<runtime::engine> storage,
                     const cluster_identity& identity);
  void start_controllers(const config::settings& settings, const cluster_identity& identity);
  void start_placement(const config::settings& settings, const cluster_identity& identity,
                       std::vector<actors::controller_entry> placed);

  struct host;
  std::unique_ptr<host> host_;
  std::shared_ptr<api::schema::registry> schemas_;
  runtime::environment env_;
  std::shared_ptr<runtime::snapshots> state_;
  std::shared_ptr<api::auth::policy> access_;
  std::shared_ptr<api::fairness::gate> gate_;
  std::shared_ptr<actors::role_table> roles_;
  std::shared_ptr<api::audit::call_auditor> audit_;
  std::shared_ptr<const api::auth::service_account_tokens> tokens_;
  std::shared_ptr<const api::pipeline> pipeline_;
  std::shared_ptr<api::outbound::https_client> outbound_;
  std::shared_ptr<api::outbound::worker_pool> blocking_; ///< threads that wait for webhooks
  std::shared_ptr<custom_resources> custom_resources_;
  std::shared_ptr<actors::usage_book> usage_ = std::make_shared<actors::usage_book>();
  std::shared_ptr<api::outbound::extension_table> extensions_;
  std::unique_ptr<cluster_backend> backend_;
  runtime::supervisor_handle supervisor_;
};

} // namespace thespis::tools
