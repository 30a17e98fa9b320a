#include "tools/cluster/agent.hpp"

#include "actors/node/node_interface.hpp"
#include "actors/sendables.hpp"
#include "api/discovery/selection.hpp"
#include "api/generated/core_v1_node.hpp"
#include "api/object/typed.hpp"
#include "config/files.hpp"
#include "runtime/introspection/introspector_actor.hpp"
#include "runtime/link/dial.hpp"
#include "runtime/link/references_actor.hpp"
#include "runtime/link/relay_actor.hpp"
#include "runtime/link/remote_requests_actor.hpp"
#include "runtime/link/replica_actor.hpp"
#include "runtime/link/uplink_actor.hpp"
#include "tools/cli/instance.hpp"
#include "tools/cluster/process_config.hpp"
#include "tools/cluster/roles.hpp"

#include <spdlog/spdlog.h>

#include <unistd.h>

namespace thespis::tools {

using namespace std::chrono_literals;
namespace link = runtime::link;

namespace {

constexpr auto start_deadline = 60s;
constexpr auto token_deadline = 30s;
/// Threads that connect, and that wait for tokens.
constexpr size_t blocking_threads = 4;
constexpr size_t max_blocked = 64;

const char* const shared_resources[] = {"nodes",
                                        "services",
                                        "endpointslices.discovery.k8s.io",
                                        "runtimeclasses.node.k8s.io",
                                        "servicecidrs.networking.k8s.io",
                                        "clustertrustbundles.certificates.k8s.io"};
/// What the machine's entry for Ingresses watches, without copies.
const char* const ingress_resources[] = {"ingresses.networking.k8s.io",
                                         "ingressclasses.networking.k8s.io", "secrets"};
/// What its NetworkPolicies need; of pods only what they ask about them.
const char* const policy_resources[] = {"networkpolicies.networking.k8s.io", "namespaces", "pods"};

template <class Actor, class Deps>
runtime::child_factory child(Deps deps) {
  return [deps = std::move(deps)](caf::local_actor& self) {
    return caf::actor_cast<caf::strong_actor_ptr>(self.home_system().spawn<Actor>(deps));
  };
}

std::vector<link::reference> references_in(const std::vector<api::watch_event>& events) {
  std::vector<link::reference> res;
  for (const auto& e : events)
    if (e.kind != api::event_kind::deleted)
      for (auto& r : link::references_of(*e.object))
        res.push_back(std::move(r));
  return res;
}

} // namespace

credentials credential_keeper::get() const {
  const std::lock_guard lock{mutex_};
  return credentials_;
}

api::result<bool> credential_keeper::refresh(config::wall_time now) {
  const auto old = get();
  if (!wants_renewal(old, now))
    return false;
  auto next = renew(options_, old);
  if (!next)
    return api::fail(std::move(next.error()));
  const std::lock_guard lock{mutex_};
  credentials_ = std::move(*next);
  return true;
}

struct agent::machine {
  explicit machine(const config::settings& s) : config(s), system(config) {}
  process_config config;
  caf::actor_system system;
};

agent::agent(const config::settings& settings, std::shared_ptr<credential_keeper> keeper)
    : machine_(std::make_unique<machine>(settings)), state_(std::make_shared<link::remote_state>()),
      keeper_(std::move(keeper)),
      blocking_(std::make_shared<api::outbound::worker_pool>(blocking_threads, max_blocked)),
      welcome_(std::make_shared<std::promise<link::link_welcome>>()),
      welcomed_(welcome_->get_future()) {
  env_.clock = runtime::system_clock_port();
  env_.random = runtime::machine_random_port();
  env_.roles = std::make_shared<runtime::directory>();
  env_.journal = std::make_shared<runtime::causal_journal>();
  env_.schemas = std::make_shared<api::schema::registry>();
  for (const auto* resource : shared_resources)
    state_->ensure(resource);
  for (const auto* resource : link::referenced_resources)
    state_->ensure(resource);
  state_->ensure("pods");
  supervisor_ = machine_->system.spawn<runtime::supervisor_actor>(env_.roles);
  supervise(std::string{runtime::requests_role},
            child<link::remote_requests_actor>(link::remote_requests_deps{env_}));
  start_uplink(settings);
  const auto name = settings.node_name();
  offer(runtime::introspector_role(name),
        child<runtime::introspector_actor>(runtime::introspector_deps{
            name, env_, actors::all_sendables(), runtime::facts_of_this_process}));
  if (!settings.agent.roles.empty())
    offer(actors::role_host_role(name),
          child<actors::role_host_actor>(actors::role_host_deps{
              env_, supervisor_, name, settings.agent.roles, roles_over_link(env_)}));
}

agent::~agent() {
  blocking_->stop();
  caf::anon_send_exit(supervisor_, caf::exit_reason::user_shutdown);
  supervisor_ = nullptr;
  env_.roles->clear();
}

caf::actor_system& agent::system() {
  return machine_->system;
}

void agent::supervise(std::string role, runtime::child_factory start) {
  caf::scoped_actor self{machine_->system};
  auto spec = std::make_shared<const runtime::child_spec>(
      runtime::child_spec{std::move(role), std::move(start)});
  self->request(supervisor_, start_deadline, runtime::supervise{spec})
      .receive([](const runtime::supervised&) {},
               [&](const caf::error& e) {
                 spdlog::critical("cannot start {}: {}", spec->role, machine_->system.render(e));
               });
}

void agent::offer(const std::string& role, runtime::child_factory start) {
  supervise(role, [role, start = std::move(start), roles = env_.roles](caf::local_actor& self) {
    auto actor = start(self);
    if (const auto uplink = roles->find<link::uplink_handle>(link::uplink_role))
      caf::anon_send(uplink, link::offer_role{role, actor});
    return actor;
  });
}

void agent::start_uplink(const config::settings& settings) {
  link::uplink_deps deps;
  deps.env = env_;
  deps.blocking = blocking_;
  deps.limits.message_bytes = static_cast<size_t>(settings.link.max_message);
  deps.hello = {std::string{version()}, settings.node_name(), settings.agent.roles, 0};
  deps.maintain = [keeper = keeper_, clock = env_.clock] {
    const auto now = std::chrono::floor<std::chrono::seconds>(clock->now());
    const auto renewed = keeper->refresh(now);
    if (!renewed)
      spdlog::warn("the machine's certificate is not renewed yet: {}", renewed.error().message);
    else if (*renewed)
      spdlog::info("the machine has a new certificate");
  };
  deps.on_change = [file = settings.data_dir + "/link"](bool linked, const std::string& why) {
    // For `thespis status`, which has nobody else to ask.
    (void)config::write_file(file, linked ? std::string{"linked\n"} : why, 0600);
  };
  deps.dial = [keeper = keeper_, server = settings.agent.server,
               protocol = machine_protocol(machine_->system)]() -> api::result<link::link_socket> {
    auto to = parse_server(server);
    if (!to)
      return api::fail(std::move(to.error()));
    const auto own = keeper->get();
    link::dial_options options;
    options.host = to->host;
    options.port = to->port;
    options.ca = own.ca;
    options.certificate = own.own.certificate;
    options.key = own.own.key;
    auto connection = link::server_connection::open(options);
    if (!connection)
      return api::fail(std::move(connection.error()));
    return connection->upgrade("/thespis/v1/link", protocol);
  };
  deps.on_welcome = [first = welcome_, told = std::make_shared<bool>(false)](const auto& w) {
    if (!std::exchange(*told, true))
      first->set_value(w);
  };
  supervise(std::string{link::uplink_role}, child<link::uplink_actor>(std::move(deps)));
}

std::optional<link::link_welcome> agent::wait_for_welcome(std::chrono::seconds limit) {
  if (welcomed_.wait_for(limit) != std::future_status::ready)
    return std::nullopt;
  return welcomed_.get();
}

void agent::start_replica(const runtime::environment& env, const std::string& resource,
                          api::selection what, std::shared_ptr<runtime::snapshots> copy,
                          const std::string& role) {
  link::replica_deps deps{
      env, env_.roles, resource, std::move(what), std::move(copy), api::matchers_of(*env_.schemas),
      {},  nullptr};
  if (resource == "pods")
    deps.references = references_in;
  supervise(role, child<link::replica_actor>(std::move(deps)));
}

bool agent::start_replicas(const std::string& node, std::chrono::seconds limit) {
  link::references_deps references;
  references.env = env_;
  references.state = state_;
  references.needed = [state = state_] {
    std::set<link::reference> res;
    for (const auto& pod : state->list("pods").objects)
      for (auto& r : link::references_of(*pod))
        res.insert(std::move(r));
    return res;
  };
  supervise(std::string{link::references_role},
            child<link::references_actor>(std::move(references)));
  for (const auto* resource : shared_resources)
    start_replica(env_, resource, {}, state_->ensure(resource), std::string{"replica/"} + resource);
  api::selection mine;
  mine.node_name = node;
  start_replica(env_, "pods", std::move(mine), state_->ensure("pods"), "replica/pods");
  const auto end = std::chrono::steady_clock::now() + limit;
  const auto whole = [&](const char* resource) {
    return env_.roles->find<caf::actor>(runtime::registry_role(resource)) != nullptr;
  };
  while (!whole("pods") ||
         !std::all_of(std::begin(shared_resources), std::end(shared_resources), whole)) {
    if (std::chrono::steady_clock::now() > end)
      return false;
    ::usleep(5'000);
  }
  return true;
}

void agent::relay(const std::string& resource, bool brief,
                  const std::shared_ptr<runtime::directory>& into, const std::string& role) {
  supervise(role, [=, links = env_.roles](caf::local_actor& self) {
    auto actor = caf::actor_cast<caf::strong_actor_ptr>(
        self.home_system().spawn<link::relay_actor>(link::relay_deps{links, resource, brief}));
    into->put(runtime::registry_role(resource), actor);
    return actor;
  });
}

runtime::environment agent::policy_env() {
  // With a directory of its own: the pods in it are all of the cluster's.
  auto env = env_;
  env.roles = std::make_shared<runtime::directory>();
  for (const std::string resource : policy_resources)
    relay(resource, resource == "pods", env.roles, "relay/policy/" + resource);
  return env;
}

runtime::environment agent::simulated_env(const std::string& node) {
  // Each has a directory of its own: the registry of pods in it knows those of the node alone.
  auto env = env_;
  env.roles = std::make_shared<runtime::directory>();
  env.roles->put(std::string{runtime::requests_role},
                 env_.roles->find<caf::strong_actor_ptr>(runtime::requests_role));
  api::selection mine;
  mine.node_name = node;
  start_replica(env, "pods", std::move(mine), std::make_shared<runtime::snapshots>(),
                "replica/pods/" + node);
  return env;
}

node_host agent::host(const config::settings& settings) {
  for (const std::string resource : ingress_resources)
    relay(resource, false, env_.roles, "relay/" + resource);
  node_host res{machine_->system, env_, state_, {}, {}, {}, {}, {}};
  res.policy_env = policy_env();
  res.supervise = [this](const std::string& role, runtime::child_factory start) {
    if (role.starts_with("node/") || role.starts_with("storage/"))
      offer(role, std::move(start));
    else
      supervise(role, std::move(start));
  };
  res.tokens = [this](const std::string& node) -> actors::pod_token_deps {
    const api::user_info self{"system:node:" + node, {}, {}};
    auto request = [&sys = machine_->system, roles = env_.roles,
                    self](const std::string& ns, const std::string& account,
                          const api::v1::token_request& r) -> api::result<api::v1::token_request> {
      const auto gateway = roles->find<link::gateway_handle>(link::gateway_role);
      if (!gateway)
        return api::fail(api::internal_error("the server is not reachable"));
      api::result<api::v1::token_request> res = api::fail(api::internal_error("no answer"));
      caf::scoped_actor me{sys};
      me->request(gateway, token_deadline, link::api_call{token_call(ns, account, r, self)})
          .receive(
              [&](link::api_answer& a) {
                if (a.ok)
                  res = read_token(a.body);
                else
                  res = api::fail(std::move(a.failure));
              },
              [&](const caf::error& e) { res = api::fail(api::internal_error(sys.render(e))); });
      return res;
    };
    return {std::move(request), [clock = env_.clock] { return clock->now(); }};
  };
  res.dns = [settings](const std::string&, const std::string&) -> std::vector<std::string> {
    if (!settings.network.cluster_dns)
      return {};
    return {settings.dns_service_ip()};
  };
  res.simulated_env = [this](const std::string& node) { return simulated_env(node); };
  res.simulated_prefix = settings.node_name() + ".";
  return res;
}

} // namespace thespis::tools
