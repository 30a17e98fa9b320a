// Roles move between machines while there is work: what is written comes out as if they had not.
#include "actors/controllers/deployment.hpp"
#include "actors/controllers/replication.hpp"
#include "actors/fixture.hpp"
#include "actors/placement/placement_actor.hpp"
#include "actors/placement/role_host_actor.hpp"
#include "actors/scheduler/scheduler_actor.hpp"
#include "api/generated/coordination_v1.hpp"
#include "api/generated/core_v1_pod.hpp"
#include "runtime/supervisor.hpp"

using namespace thespis;
using namespace thespis::test;
using namespace thespis::actors;

namespace {

/// A machine with a directory and a supervisor of its own. Its registries are the server's; its
/// calls are judged as a gateway does.
struct machine {
  std::string name;
  runtime::environment env;
  runtime::supervisor_handle supervisor;
  role_host_handle host;
};

struct gate_deps {
  runtime::environment server;
  std::shared_ptr<role_table> table;
  std::string machine;
};
/// The far end of a machine's calls.
struct gate_actor : runtime::actor_base<runtime::requests_handle> {
  gate_actor(caf::actor_config& cfg, gate_deps deps)
      : actor_base(cfg, "gate"), deps_(std::move(deps)) {}
  behavior_type make_behavior() override {
    return {[this](runtime::call_batch& b) -> caf::result<runtime::call_outcomes> {
      for (const auto& c : b.calls)
        if (!deps_.table->user_of(deps_.machine, c.user.name)) {
          runtime::call_outcomes res;
          res.outcomes.resize(b.calls.size());
          for (auto& o : res.outcomes)
            o.failure = api::forbidden("", "", "not its role");
          return res;
        }
      return delegate(deps_.server.roles->find<runtime::requests_handle>(runtime::requests_role),
                      std::move(b));
    }};
  }
  gate_deps deps_;
};

struct placement_fixture : cluster_fixture {
  placement_fixture() {
    create("{apiVersion: v1, kind: Namespace, metadata: {name: kube-system}}");
    table = std::make_shared<role_table>();
  }
  ~placement_fixture() {
    // The players of a directory hold it too.
    for (const auto& d : directories)
      d->clear();
  }

  void start(std::vector<std::string> machines) {
    add_machine("home");
    for (const auto& m : machines)
      add_machine(m);
    placement_deps deps;
    deps.env = env();
    deps.home = "home";
    deps.users = {{"controller/replicaset", "system:controller:replicaset"},
                  {"controller/deployment", "system:controller:deployment"},
                  {"scheduler", scheduler_user_name}};
    deps.allowed = [](const auto&, const auto&) { return true; };
    deps.table = table;
    deps.state = std::shared_ptr<const api::reader>{std::shared_ptr<void>{}, &state()};
    placer = play<placement_actor>(placement_role, deps);
    advance(3s);
  }

  void add_machine(const std::string& name) {
    auto& m = machines[name];
    m.name = name;
    m.env = env();
    if (name != "home") {
      m.env.roles = directories.emplace_back(std::make_shared<runtime::directory>());
      for (const auto& [role, player] : env().roles->players("registry/"))
        m.env.roles->put(role, player);
      m.env.roles->put(
          std::string{runtime::requests_role},
          caf::actor_cast<caf::strong_actor_ptr>(spawn<gate_actor>(gate_deps{env(), table, name})));
    }
    m.supervisor = system().spawn<runtime::supervisor_actor>(m.env.roles);
    look_after(caf::actor_cast<caf::actor>(m.supervisor));
    role_host_deps deps{m.env, m.supervisor, name, {"*"}, nullptr};
    deps.make = [env = m.env](const take_role& t,
                              const std::string& requests) -> api::result<role_parts> {
      const auto controller = [&](auto make) {
        return role_parts{{t.role,
                           [=](caf::local_actor& self) {
                             return caf::actor_cast<caf::strong_actor_ptr>(
                                 self.home_system().spawn<controller_actor>(
                                     controller_deps{env, make, {}, requests}));
                           }},
                          {}};
      };
      if (t.role == "controller/replicaset")
        return controller([random = env.random] { return make_replica_set_controller(random); });
      if (t.role == "controller/deployment")
        return controller([] { return make_deployment_controller(); });
      return role_parts{{t.role,
                         [=](caf::local_actor& self) {
                           return caf::actor_cast<caf::strong_actor_ptr>(
                               self.home_system().spawn<scheduler_actor>(
                                   scheduler_deps{env, "default-scheduler", requests}));
                         }},
                        {}};
    };
    m.host = spawn<role_host_actor>(deps);
    env().roles->put(role_host_role(name), caf::actor_cast<caf::strong_actor_ptr>(m.host));
  }

  /// Its process ends, with all that it was about to do.
  void kill_machine(const std::string& name) {
    auto& m = machines.at(name);
    for (const auto& [role, player] : m.env.roles->players(""))
      if (role.starts_with("controller/") || role == "scheduler" ||
          role.starts_with("role-requests/"))
        caf::anon_send_exit(player, caf::exit_reason::kill);
    env().roles->erase(role_host_role(name));
    caf::anon_send_exit(m.supervisor, caf::exit_reason::kill);
    caf::anon_send_exit(m.host, caf::exit_reason::kill);
    machines.erase(name);
  }

  /// Begins a move; the answer is looked for later.
  void begin_move(const std::string& role, const std::string& to) {
    caf::anon_send(placer, move_role{role, to});
  }
  role_moved move(const std::string& role, const std::string& to) {
    caf::scoped_actor self{system()};
    auto answer = self->request(placer, 600s, move_role{role, to});
    settle();
    role_moved res;
    answer.receive([&](role_moved& m) { res = std::move(m); },
                   [&](const caf::error& e) { BOOST_FAIL(system().render(e)); });
    return res;
  }
  std::string where(const std::string& role) {
    caf::scoped_actor self{system()};
    auto answer = self->request(placer, 600s, roles_query{});
    settle();
    std::string res;
    answer.receive(
        [&](const placed_roles& all) {
          for (const auto& r : all.roles)
            if (r.role == role)
              res = r.machine + " " + r.state;
        },
        [&](const caf::error& e) { BOOST_FAIL(system().render(e)); });
    return res;
  }
  size_t players_of(const std::string& role) const {
    size_t res = 0;
    for (const auto& [name, m] : machines)
      if (m.env.roles->find<caf::actor>(role))
        ++res;
    return res;
  }

  void deployment(const std::string& name, int replicas) {
    create("{apiVersion: apps/v1, kind: Deployment, metadata: {name: " + name +
           "}, spec: {replicas: " + std::to_string(replicas) + ", selector: {matchLabels: {app: " +
           name + "}}, template: {metadata: {labels: {app: " + name +
           "}}, spec: {containers: [{name: main, image: web}]}}}}");
  }
  void nodes(int n) {
    for (int i = 0; i < n; ++i)
      create("{apiVersion: v1, kind: Node, metadata: {name: node-" + std::to_string(i) +
             "}, status: {allocatable: {cpu: \"100\", memory: 100Gi, pods: \"500\"}}}");
  }
  size_t bound() const {
    size_t res = 0;
    for (const auto& p : list<api::v1::pod>())
      res += p.spec.node_name.empty() ? 0 : 1;
    return res;
  }

  std::vector<std::shared_ptr<runtime::directory>> directories; ///< of machines but home
  std::shared_ptr<role_table> table;
  std::map<std::string, machine> machines;
  placement_handle placer;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(moving_roles, placement_fixture)

BOOST_AUTO_TEST_CASE(roles_start_at_home_and_go_where_they_are_moved) {
  start({"a", "b"});
  BOOST_TEST(where("scheduler") == "home running");
  const auto m = move("scheduler", "a");
  BOOST_TEST(m.ok);
  BOOST_TEST(m.from == "home");
  BOOST_TEST(where("scheduler") == "a running");
  BOOST_TEST(players_of("scheduler") == 1u);
  const auto lease = get<api::v1::lease>("thespis-scheduler", "kube-system");
  BOOST_TEST(lease.spec.holder_identity == "a");
  BOOST_TEST(lease.spec.lease_transitions.value() == 1);
  BOOST_TEST(!move("scheduler", "nowhere").ok);
  BOOST_TEST(!move("nothing", "a").ok);
}

BOOST_AUTO_TEST_CASE(no_pod_too_many_while_controllers_and_the_scheduler_move) {
  start({"a", "b"});
  nodes(3);
  const char* const stops[] = {"a", "b", "home"};
  const char* const roles[] = {"controller/replicaset", "controller/deployment", "scheduler"};
  size_t wanted = 0;
  for (int round = 0; round < 9; ++round) {
    deployment("web-" + std::to_string(round), 5);
    wanted += 5;
    // In the middle of the work, at another place each time.
    for (int i = 0; i < 7 * round; ++i)
      step();
    for (const auto* role : roles)
      begin_move(role, stops[round % 3]);
    while (step())
      BOOST_TEST_REQUIRE(count("pods") <= wanted);
    advance(2s);
  }
  BOOST_TEST(count("pods") == wanted);
  BOOST_TEST(bound() == wanted);
  BOOST_TEST(count("replicasets.apps") == 9u);
  for (const auto* role : roles) {
    BOOST_TEST(where(role) == "home running");
    BOOST_TEST(players_of(role) == 1u);
  }
}

BOOST_AUTO_TEST_CASE(a_holder_that_dies_in_the_middle_is_replaced_and_makes_nothing_twice) {
  start({"a", "b"});
  move("controller/replicaset", "a");
  move("controller/deployment", "a");
  deployment("web", 20);
  for (int i = 0; i < 60; ++i)
    step();
  kill_machine("a");
  for (int i = 0; i < 20; ++i) {
    advance(500ms);
    BOOST_TEST_REQUIRE(count("pods") <= 20u);
  }
  BOOST_TEST(where("controller/replicaset") == "b running");
  BOOST_TEST(count("pods") == 20u);
  BOOST_TEST(count("replicasets.apps") == 1u);
}

BOOST_AUTO_TEST_CASE(what_is_left_of_a_role_on_its_old_machine_writes_nothing) {
  start({"a"});
  move("controller/replicaset", "a");
  BOOST_TEST(bool{table->user_of("a", "system:controller:replicaset")});
  BOOST_TEST(!table->user_of("home", "system:controller:replicaset"));
  BOOST_TEST(!table->user_of("a", "system:controller:deployment"));
  BOOST_TEST(!table->user_of("a", "system:admin"));
  move("controller/replicaset", "home");
  BOOST_TEST(!table->user_of("a", "system:controller:replicaset"));
}

BOOST_AUTO_TEST_CASE(the_record_outlives_the_server) {
  start({"a"});
  move("scheduler", "a");
  caf::anon_send_exit(placer, caf::exit_reason::kill);
  settle();
  BOOST_TEST(players_of("scheduler") == 0u); // with who asked for it, it ends
  placement_deps deps;
  deps.env = env();
  deps.home = "home";
  deps.users = {{"scheduler", scheduler_user_name}};
  deps.allowed = [](const auto&, const auto&) { return true; };
  deps.table = table;
  deps.state = std::shared_ptr<const api::reader>{std::shared_ptr<void>{}, &state()};
  placer = play<placement_actor>(placement_role, deps);
  advance(3s);
  BOOST_TEST(where("scheduler") == "a running");
}

BOOST_AUTO_TEST_CASE(a_lease_is_renewed_for_as_long_as_its_role_is_held) {
  start({"a"});
  move("scheduler", "a");
  const auto lease = [&] { return get<api::v1::lease>("thespis-scheduler", "kube-system").spec; };
  advance(6s); // by now once, whenever the last round was
  const auto first = lease();
  BOOST_TEST(first.lease_duration_seconds.value() == 15);
  advance(10s);
  const auto later = lease();
  BOOST_TEST(later.renew_time > first.renew_time);
  BOOST_TEST(later.acquire_time == first.acquire_time);
  BOOST_TEST(later.lease_transitions.value() == 1);
  kill_machine("a");
  advance(3s); // lost, and not yet another's
  const auto lost = lease().renew_time;
  BOOST_TEST(lease().holder_identity == "a");
  advance(20s);
  BOOST_TEST(lease().holder_identity == "home");
  BOOST_TEST(lease().lease_transitions.value() == 2);
  BOOST_TEST(lease().renew_time > lost);
}

BOOST_AUTO_TEST_SUITE_END()
