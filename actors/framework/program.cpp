#include "actors/framework/program.hpp"

#include "actors/framework/controller_actor.hpp"
#include "actors/messages.hpp"
#include "actors/sendables.hpp"
#include "api/discovery/selection.hpp"
#include "api/outbound/worker_pool.hpp"
#include "api/schema/schema.hpp"
#include "runtime/actor_system.hpp"
#include "runtime/introspection/introspector_actor.hpp"
#include "runtime/introspection/journal.hpp"
#include "runtime/link/link_version.hpp"
#include "runtime/link/remote_requests_actor.hpp"
#include "runtime/link/replica_actor.hpp"
#include "runtime/link/uplink_actor.hpp"
#include "runtime/supervisor.hpp"

#include <caf/io/middleman.hpp>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>

namespace thespis::actors {

using namespace std::chrono_literals;
namespace link = runtime::link;

namespace {

constexpr auto start_deadline = 60s;
/// As the servers' own defaults.
constexpr auto heartbeat_interval = 2s;
constexpr auto silence = 10s;

struct program_config : runtime::system_config {
  program_config() {
    register_actor_messages(*this);
    load<caf::io::middleman>();
    set("middleman.workers", int64_t{0});
    set("middleman.heartbeat-interval", caf::timespan{heartbeat_interval});
    set("middleman.connection-timeout", caf::timespan{silence});
    set("middleman.app-identifiers", std::vector<std::string>{link::link_base});
  }
};

sigset_t stop_signals() {
  sigset_t res;
  sigemptyset(&res);
  sigaddset(&res, SIGINT);
  sigaddset(&res, SIGTERM);
  return res;
}

template <class Actor, class Deps>
runtime::child_factory child(Deps deps) {
  return [deps = std::move(deps)](caf::local_actor& self) {
    return caf::actor_cast<caf::strong_actor_ptr>(self.home_system().spawn<Actor>(deps));
  };
}

/// Before the actors' threads begin, so that the signals come to none of them.
void hold_signals() {
  const auto held = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &held, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

} // namespace

struct controller_program::process {
  explicit process(program_options o)
      : options((hold_signals(), std::move(o))), system(config),
        blocking(std::make_shared<api::outbound::worker_pool>(2, 16)) {
    env.clock = runtime::system_clock_port();
    env.random = runtime::machine_random_port();
    env.roles = std::make_shared<runtime::directory>();
    env.journal = std::make_shared<runtime::causal_journal>();
    env.schemas = std::make_shared<api::schema::registry>();
    supervisor = system.spawn<runtime::supervisor_actor>(env.roles);
  }

  ~process() {
    blocking->stop();
    caf::anon_send_exit(supervisor, caf::exit_reason::user_shutdown);
    supervisor = nullptr;
    env.roles->clear();
  }

  void supervise(std::string role, runtime::child_factory start) {
    caf::scoped_actor self{system};
    auto spec = std::make_shared<const runtime::child_spec>(
        runtime::child_spec{std::move(role), std::move(start)});
    self->request(supervisor, start_deadline, runtime::supervise{spec})
        .receive([](const runtime::supervised&) {},
                 [&](const caf::error& e) {
                   spdlog::critical("cannot start {}: {}", spec->role, system.render(e));
                 });
  }

  void start_uplink();
  void replicate(const runtime::environment& where, const std::string& controller,
                 const watch_spec& spec);

  const program_options options;
  program_config config;
  caf::actor_system system;
  runtime::environment env;
  std::shared_ptr<api::outbound::worker_pool> blocking;
  runtime::supervisor_handle supervisor;
};

void controller_program::process::start_uplink() {
  link::uplink_deps deps;
  deps.env = env;
  deps.blocking = blocking;
  deps.hello = {THESPIS_VERSION, options.name, {}, 0};
  deps.dial = [access = options.access,
               protocol = link::link_protocol(system, config)]() -> api::result<link::link_socket> {
    auto how = link::dialing(access);
    if (!how)
      return api::fail(std::move(how.error()));
    auto connection = link::server_connection::open(*how);
    if (!connection)
      return api::fail(std::move(connection.error()));
    return connection->upgrade("/thespis/v1/link", protocol);
  };
  // The name that the server knows the program by is the server's to say; the shell asks under it.
  deps.on_welcome = [env = env, supervisor = supervisor,
                     told = std::make_shared<std::string>()](const link::link_welcome& w) {
    if (std::exchange(*told, w.machine) == w.machine)
      return;
    const auto role = runtime::introspector_role(w.machine);
    auto start = [env, role,
                  deps = runtime::introspector_deps{w.machine, env, all_sendables(),
                                                    runtime::facts_of_this_process}](
                     caf::local_actor& self) {
      auto actor = caf::actor_cast<caf::strong_actor_ptr>(
          self.home_system().spawn<runtime::introspector_actor>(deps));
      if (const auto uplink = env.roles->find<link::uplink_handle>(link::uplink_role))
        caf::anon_send(uplink, link::offer_role{role, actor});
      return actor;
    };
    caf::anon_send(supervisor, runtime::supervise{std::make_shared<const runtime::child_spec>(
                                   runtime::child_spec{role, std::move(start)})});
  };
  supervise(std::string{link::uplink_role}, child<link::uplink_actor>(std::move(deps)));
}

void controller_program::process::replicate(const runtime::environment& where,
                                            const std::string& controller, const watch_spec& spec) {
  link::replica_deps deps{where,
                          env.roles,
                          spec.resource,
                          spec.what,
                          std::make_shared<runtime::snapshots>(),
                          api::matchers_of(*env.schemas),
                          {},
                          nullptr};
  supervise("replica/" + controller + "/" + spec.resource,
            child<link::replica_actor>(std::move(deps)));
}

controller_program::controller_program(program_options options)
    : process_(std::make_unique<process>(std::move(options))) {
  spdlog::set_level(spdlog::level::from_str(process_->options.log_level));
  process_->supervise(
      std::string{runtime::requests_role},
      child<link::remote_requests_actor>(link::remote_requests_deps{process_->env}));
  process_->start_uplink();
}

controller_program::~controller_program() = default;

void controller_program::add(std::function<std::unique_ptr<reconciler>()> make,
                             back_off_limits back_off) {
  auto& p = *process_;
  const auto sample = make();
  const auto name = std::string{sample->name()};
  // Each controller sees what it asked for, whatever others of the program watch.
  auto own = p.env;
  own.roles = std::make_shared<runtime::directory>();
  own.roles->put(std::string{runtime::requests_role},
                 p.env.roles->find<caf::strong_actor_ptr>(runtime::requests_role));
  for (const auto& spec : sample->watches())
    p.replicate(own, name, spec);
  p.supervise("controller/" + name,
              child<controller_actor>(controller_deps{own, std::move(make), back_off}));
}

int controller_program::run() {
  const auto wanted = stop_signals();
  int signal = 0;
  ::sigwait(&wanted, &signal);
  spdlog::info("signal {}: stopping", signal);
  return 0;
}

int tell(const api::error& why) {
  std::fprintf(stderr, "error: %s\n", why.message.c_str());
  return 1;
}

api::result<program_options> program_options_of(int argc, const char* const* argv) {
  program_options res;
  std::string kubeconfig;
  const std::map<std::string, std::string*, std::less<>> known{{"--kubeconfig", &kubeconfig},
                                                               {"--name", &res.name},
                                                               {"--namespace", &res.ns},
                                                               {"--log-level", &res.log_level}};
  for (int i = 1; i < argc; ++i) {
    const std::string_view word{argv[i]};
    const auto equals = word.find('=');
    const auto option = known.find(word.substr(0, equals));
    if (option == known.end())
      return api::fail(api::bad_request("unknown argument " + std::string{word} +
                                        "; there are --kubeconfig FILE, --name NAME, "
                                        "--namespace NS and --log-level LEVEL"));
    if (equals != word.npos)
      *option->second = word.substr(equals + 1);
    else if (++i < argc)
      *option->second = argv[i];
    else
      return api::fail(api::bad_request(std::string{word} + " needs a value"));
  }
  if (const char* path = std::getenv("KUBECONFIG"); kubeconfig.empty() && path != nullptr)
    kubeconfig = path;
  auto access = kubeconfig.empty() ? link::access_of_pod() : link::access_of_kubeconfig(kubeconfig);
  if (!access)
    return api::fail(std::move(access.error()));
  res.access = std::move(*access);
  return res;
}

} // namespace thespis::actors
