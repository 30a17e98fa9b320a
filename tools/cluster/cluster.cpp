#include "tools/cluster/cluster.hpp"

#include "actors/framework/controller_actor.hpp"
#include "actors/placement/placement_actor.hpp"
#include "actors/scheduler/scheduler_actor.hpp"
#include "actors/sendables.hpp"
#include "actors/usage/usage_actor.hpp"
#include "api/admission/plugins.hpp"
#include "api/auth/bootstrap_tokens.hpp"
#include "api/auth/node_restriction.hpp"
#include "api/discovery/selection.hpp"
#include "api/outbound/conversion_webhook.hpp"
#include "api/pipeline/computed.hpp"
#include "runtime/introspection/introspector_actor.hpp"
#include "runtime/registry/registry_actor.hpp"
#include "runtime/requests/requests_actor.hpp"
#include "runtime/store/store_actor.hpp"
#include "tools/cluster/extension_content.hpp"
#include "tools/cluster/extension_servers.hpp"
#include "tools/cluster/metric_servers.hpp"
#include "tools/cluster/process_config.hpp"
#include "tools/cluster/roles.hpp"
#include "tools/cluster/volume_folders.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <map>

namespace thespis::tools {

using namespace std::chrono_literals;

namespace {

constexpr auto start_deadline = 60s;
constexpr auto call_deadline = 60s;

/// Calls that wait for webhooks at the same time, and behind them.
constexpr size_t blocking_threads = 32;
constexpr size_t max_blocked = 512;

/// Runs a factory with typed deps as a supervised child.
template <class Actor, class Deps>
runtime::child_factory child(Deps deps) {
  return [deps = std::move(deps)](caf::local_actor& self) {
    return caf::actor_cast<caf::strong_actor_ptr>(self.home_system().spawn<Actor>(deps));
  };
}

} // namespace

struct cluster::host {
  explicit host(const config::settings& s) : config(s), system(config) {}
  process_config config;
  caf::actor_system system;
};

cluster::cluster(const config::settings& settings, std::shared_ptr<runtime::engine> storage,
                 const cluster_identity& identity, std::shared_ptr<const api::audit::sink> audit)
    : host_(std::make_unique<host>(settings)) {
  schemas_ = std::make_shared<api::schema::registry>();
  env_.schemas = schemas_;
  if (audit)
    audit_ = std::make_shared<api::audit::call_auditor>(std::move(audit), *schemas_);
  env_.clock = runtime::system_clock_port();
  env_.random = runtime::machine_random_port();
  env_.roles = std::make_shared<runtime::directory>();
  env_.journal = std::make_shared<runtime::causal_journal>();
  supervisor_ = host_->system.spawn<runtime::supervisor_actor>(env_.roles);
  start_introspection(settings);
  start_storage(settings, std::move(storage), identity);
  start_custom_resources();
  start_controllers(settings, identity);
}

cluster::~cluster() {
  // Nobody may be waiting for a webhook when what it would answer to goes.
  outbound_->stop();
  blocking_->stop();
  // Children first: an actor that loses the supervisor would only be confused.
  backend_.reset();
  caf::anon_send_exit(supervisor_, caf::exit_reason::user_shutdown);
  supervisor_ = nullptr;
  env_.roles->clear();
}

std::function<bool(std::function<void()>)> cluster::offload() const {
  return [pool = blocking_](std::function<void()> work) { return pool->post(std::move(work)); };
}

caf::actor_system& cluster::system() {
  return host_->system;
}

void cluster::supervise(std::string role, runtime::child_factory start) {
  caf::scoped_actor self{host_->system};
  auto spec = std::make_shared<const runtime::child_spec>(
      runtime::child_spec{std::move(role), std::move(start)});
  self->request(supervisor_, start_deadline, runtime::supervise{spec})
      .receive([](const runtime::supervised&) {},
               [&](const caf::error& e) {
                 spdlog::critical("cannot start {}: {}", spec->role, host_->system.render(e));
               });
}

void cluster::load_tokens(const cluster_identity& identity) {
  api::auth::token_deps deps;
  for (const auto& pem : identity.token_keys) {
    auto key = api::auth::token_key::load(pem);
    if (key)
      deps.keys.push_back(std::move(*key));
    else
      spdlog::error("a key of service accounts is not used: {}", key.error().message);
  }
  if (deps.keys.empty() || !deps.keys.front().can_sign())
    return;
  deps.state = state_;
  deps.now = [clock = env_.clock] { return clock->now(); };
  deps.new_id = [random = env_.random] { return random->uuid(); };
  tokens_ = std::make_shared<const api::auth::service_account_tokens>(std::move(deps));
}

std::optional<api::auth::token_identity>
cluster::authenticate(std::string_view token, const std::vector<std::string>& audiences) const {
  if (tokens_)
    if (auto known = tokens_->authenticate(token, audiences))
      return known;
  // They are for the API server and nobody else.
  if (!audiences.empty())
    return std::nullopt;
  return api::auth::authenticate_bootstrap_token(*state_, env_.clock->now(), token);
}

void cluster::start_introspection(const config::settings& settings) {
  const auto machine = settings.node_name();
  supervise(runtime::introspector_role(machine),
            child<runtime::introspector_actor>(runtime::introspector_deps{
                machine, env_, actors::all_sendables(), runtime::facts_of_this_process}));
}

void cluster::start_storage(const config::settings& settings,
                            std::shared_ptr<runtime::engine> storage,
                            const cluster_identity& identity) {
  state_ = std::make_shared<runtime::snapshots>();
  access_ = std::make_shared<api::auth::policy>(state_);
  gate_ = api::fairness::gate::make(settings.api.max_requests_inflight +
                                    settings.api.max_mutating_requests_inflight);
  load_tokens(identity);
  runtime::store_deps store{std::move(storage), state_, env_.roles, true};
  supervise(std::string{runtime::store_role}, child<runtime::store_actor>(std::move(store)));
  runtime::window_limits window;
  window.max_events = static_cast<size_t>(settings.store.watch_window);
  window.max_bytes = static_cast<size_t>(settings.store.watch_window_bytes);
  for (const auto& r : schemas_->resources()) {
    const auto name = r->group_resource();
    // Versions of a resource share what is stored.
    const bool stored = !r->versions || r->versions->stored == r->api_version();
    if (!r->has_verb("list") || !stored || api::is_computed(*r) || r->stored_resource() != name)
      continue;
    supervise(runtime::registry_role(name),
              child<runtime::registry_actor>(
                  runtime::registry_deps{name, state_, api::matchers_of(*schemas_), window}));
  }
  outbound_ = std::make_shared<api::outbound::https_client>();
  extensions_ = std::make_shared<api::outbound::extension_table>();
  blocking_ = std::make_shared<api::outbound::worker_pool>(blocking_threads, max_blocked);
  custom_resources_ = std::make_shared<custom_resources>(custom_resources_deps{
      schemas_, state_, env_.roles, supervisor_, window,
      api::outbound::conversion_webhooks(
          {outbound_, state_, [random = env_.random] { return random->uuid(); }})});
  api::pipeline_deps deps;
  deps.state = state_;
  deps.outbound = outbound_;
  deps.schemas = schemas_;
  deps.now = [clock = env_.clock] { return clock->now(); };
  deps.new_uid = [random = env_.random] { return random->uuid(); };
  deps.random_suffix = [random = env_.random](size_t n) { return random->suffix(n); };
  deps.service_cidrs = settings.network.service_cidrs();
  deps.node_port_min = static_cast<int>(settings.network.node_ports.first);
  deps.node_port_max = static_cast<int>(settings.network.node_ports.last);
  deps.access = access_;
  deps.tokens = tokens_;
  deps.mount_tokens = tokens_ != nullptr;
  deps.not_ready_toleration = std::chrono::seconds{settings.api.not_ready_toleration};
  deps.unreachable_toleration = std::chrono::seconds{settings.api.unreachable_toleration};
  deps.allowed = [access = access_](const api::user_info& user, std::string_view verb,
                                    std::string_view group, std::string_view resource,
                                    std::string_view name) {
    return access->authorize({user, true, verb, group, "*", "", resource, "", name, ""}).allowed();
  };
  deps.authorize = [access = access_](const api::user_info& user,
                                      const api::cel::authorization_request& q) {
    auto d = access->authorize({user, q.is_resource, q.verb, q.group, "*", q.ns, q.resource,
                                q.subresource, q.name, q.path});
    return api::cel::authorization_answer{d.allowed(), std::move(d.reason), {}};
  };
  deps.more_plugins.push_back(api::auth::node_restriction());
  if (!settings.network.external_ips)
    deps.more_plugins.push_back(api::admission::deny_service_external_ips());
  pipeline_ = std::make_shared<const api::pipeline>(std::move(deps));
  runtime::requests_deps requests{pipeline_, env_.roles, nullptr, blocking_};
  requests.journal = env_.journal;
  requests.clock = env_.clock;
  requests.audit = audit_;
  requests.authorize = [access = access_](const api::call& c) {
    return api::auth::authorize_call(*access, c);
  };
  supervise(std::string{runtime::requests_role},
            child<runtime::requests_actor>(std::move(requests)));
  backend_ = std::make_unique<cluster_backend>(backend_deps{
      host_->system, env_, state_, pipeline_, blocking_, actors::all_sendables(), usage_});
}

/// What was served before the cluster stopped is served before anybody asks for it.
void cluster::start_custom_resources() {
  for (const auto& o : state_->list(api::crd::definitions_resource).objects) {
    const auto doc = o->parse();
    const auto* conditions = api::json::at(doc, {"status", "conditions"});
    const bool established = conditions && conditions->IsArray() &&
                             std::any_of(conditions->Begin(), conditions->End(), [](const auto& c) {
                               return api::json::get_string(c, "type") == "Established" &&
                                      api::json::get_string(c, "status") == "True";
                             });
    if (!established)
      continue;
    const auto spec = custom_resources_->registry_of(o->name());
    supervise(spec->role, spec->start);
    (void)custom_resources_->serve(*o);
  }
}

void cluster::start_controllers(const config::settings& settings,
                                const cluster_identity& identity) {
  supervise(std::string{actors::usage_role},
            child<actors::usage_actor>(actors::usage_deps{env_, usage_}));
  const auto& c = settings.controllers;
  auto tunables = tunables_of(role_settings_of(settings, identity.root_ca));
  tunables.serve_ingresses = settings.network.ingress;
  tunables.balance_services = settings.network.service_balancer;
  tunables.resources = custom_resources_;
  tunables.api_services.host = std::make_shared<extension_servers>(extension_servers_deps{
      extensions_, state_, outbound_, blocking_, env_.clock, identity.front_proxy});
  tunables.foreign = std::make_shared<extension_content>(extension_content_deps{
      extensions_, state_, outbound_, blocking_, env_.clock, identity.front_proxy});
  tunables.access.policy = access_;
  tunables.flows.gate = gate_;
  tunables.autoscaler = {
      state_, schemas_, usage_,
      std::make_shared<metric_servers>(metric_servers_deps{
          extensions_, state_, outbound_, blocking_, env_.clock, identity.front_proxy})};
  tunables.token_secrets = {tokens_, identity.root_ca};
  auto& ipam = tunables.node_ipam.emplace();
  for (const auto& pods : settings.network.pod_cidr.all)
    ipam.ranges.push_back(
        {pods, static_cast<unsigned>(pods.base().is_v4() ? settings.network.node_cidr_mask
                                                         : settings.network.node_cidr_mask_ipv6)});
  tunables.signing = {identity.sign, access_};
  tunables.volumes.folder = std::filesystem::absolute(settings.data_dir).string() + "/storage";
  tunables.volumes.remove = [folders = std::make_shared<volume_folders>(host_->system, env_.roles)](
                                const std::string& node, const std::string& path) {
    return folders->remove(node, path);
  };
  const actors::back_off_limits back_off{c.initial_backoff, c.max_backoff};
  std::vector<actors::controller_entry> placed;
  for (auto& entry : actors::all_controllers(env_, tunables))
    if (can_be_placed(entry.name))
      placed.push_back(std::move(entry));
    else
      supervise("controller/" + entry.name, child<actors::controller_actor>(actors::controller_deps{
                                                env_, entry.make, back_off}));
  start_placement(settings, identity, std::move(placed));
}

/// The scheduler and these controllers run here until somebody moves them.
void cluster::start_placement(const config::settings& settings, const cluster_identity& identity,
                              std::vector<actors::controller_entry> placed) {
  roles_ = std::make_shared<actors::role_table>();
  const auto home = settings.node_name();
  actors::placement_deps deps;
  deps.env = env_;
  deps.home = home;
  deps.users[scheduler_role] = actors::scheduler_user_name;
  std::map<std::string, std::function<std::unique_ptr<actors::reconciler>()>> makers;
  for (auto& entry : placed) {
    const auto role = std::string{controller_prefix} + entry.name;
    deps.users[role] = actors::controller_user_name(entry.make()->name());
    makers[role] = std::move(entry.make);
  }
  deps.settings = role_settings_of(settings, identity.root_ca);
  deps.allowed = [access = access_](const std::string& machine, const std::string& role) {
    return may_host(*access, machine, role);
  };
  deps.table = roles_;
  deps.state = state_;
  supervise(actors::role_host_role(home),
            child<actors::role_host_actor>(actors::role_host_deps{
                env_, supervisor_, home, offers_of_server(settings.agent.roles).value(),
                roles_at_home(env_, std::move(makers))}));
  supervise(std::string{actors::placement_role}, child<actors::placement_actor>(std::move(deps)));
}

runtime::call_outcomes cluster::run(std::vector<api::call> calls) {
  runtime::call_outcomes res;
  caf::scoped_actor self{host_->system};
  const auto requests = env_.roles->find<runtime::requests_handle>(runtime::requests_role);
  for (auto& c : calls)
    c.user = {"system:apiserver", {}, {"system:masters"}};
  self->request(requests, call_deadline, runtime::call_batch{std::move(calls)})
      .receive([&](runtime::call_outcomes& o) { res = std::move(o); },
               [&](const caf::error& e) {
                 spdlog::error("start-up call failed: {}", host_->system.render(e));
               });
  return res;
}

} // namespace thespis::tools
