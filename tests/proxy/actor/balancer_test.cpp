// Messages to a service.
#include "proxy/balancer_set.hpp"
#include "runtime/actor_system.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using namespace thespis::proxy;
using namespace std::chrono_literals;

namespace {

const service_port_name name{"default", "web", "http"};

service_port pods(int n) {
  service_port p;
  p.cluster_ips = {"10.96.0.10"};
  p.port = 80;
  for (int i = 0; i < n; ++i)
    p.endpoints.push_back({.ip = "10.244.0." + std::to_string(i + 2),
                           .port = 8080,
                           .pod = "web-" + std::to_string(i)});
  return p;
}

struct fixture {
  runtime::system_config config{1};
  caf::actor_system system{config};
  runtime::environment env;
  std::optional<balancer_set> all;
  std::vector<caf::actor> actors;

  fixture() {
    env.roles = std::make_shared<runtime::directory>();
    env.random = std::make_shared<runtime::random_port>(3);
    all.emplace(env.roles, [this](const service_port_name& n) {
      return system.spawn<balancer_actor>(balancer_deps{env, n, {}});
    });
  }
  ~fixture() {
    all->end_all();
    env.roles->clear();
    for (auto& a : actors)
      caf::anon_send_exit(a, caf::exit_reason::kill);
  }
  /// An actor that says its name.
  void start_pod(const std::string& pod) {
    actors.push_back(system.spawn(
        [pod](caf::event_based_actor*, int) -> caf::behavior {
          return {[pod](const std::string& greeting) { return greeting + " from " + pod; }};
        },
        0));
    env.roles->put(runtime::pod_role("default", pod),
                   caf::actor_cast<caf::strong_actor_ptr>(actors.back()));
  }
  std::string ask(const std::string& client = {}) {
    caf::scoped_actor self{system};
    std::string res;
    self->request(service(*env.roles, "default", "web"), 5s,
                  to_service{client, caf::make_message(std::string{"hello"})})
        .receive([&](const std::string& s) { res = s; },
                 [&](const caf::error& e) { res = "error: " + system.render(e); });
    return res;
  }
  chosen_endpoint choose() {
    caf::scoped_actor self{system};
    chosen_endpoint res;
    self->request(env.roles->find<balancer_handle>(service_role("default", "web", "http")), 5s,
                  choose_endpoint{})
        .receive([&](const chosen_endpoint& c) { res = c; },
                 [&](const caf::error&) { res.ip = "none"; });
    return res;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(balancer, fixture)

BOOST_AUTO_TEST_CASE(a_message_reaches_one_pods_actor_which_answers_the_sender) {
  for (const auto* pod : {"web-0", "web-1", "web-2"})
    start_pod(pod);
  all->replace({{name, pods(3)}}, nullptr);
  std::set<std::string> seen;
  for (int i = 0; i < 60; ++i)
    seen.insert(ask());
  BOOST_TEST(
      (seen == std::set<std::string>{"hello from web-0", "hello from web-1", "hello from web-2"}));
}

BOOST_AUTO_TEST_CASE(session_affinity_holds_for_messages_by_client) {
  for (const auto* pod : {"web-0", "web-1", "web-2"})
    start_pod(pod);
  auto port = pods(3);
  port.affinity_seconds = 60;
  all->replace({{name, port}}, nullptr);
  std::set<std::string> of_ann;
  for (int i = 0; i < 20; ++i)
    of_ann.insert(ask("ann"));
  BOOST_TEST(of_ann.size() == 1U);
}

BOOST_AUTO_TEST_CASE(uses_are_counted_until_done_and_kept_level) {
  all->replace({{name, pods(3)}}, nullptr);
  std::map<std::string, int> taken;
  std::vector<chosen_endpoint> held;
  for (int i = 0; i < 30; ++i) {
    held.push_back(choose());
    ++taken[held.back().pod];
  }
  BOOST_TEST(taken.size() == 3U);
  for (const auto& [pod, n] : taken)
    BOOST_TEST(std::abs(n - 10) <= 2);
  const auto to = env.roles->find<balancer_handle>(service_role("default", "web", "http"));
  for (const auto& c : held)
    if (c.pod == "web-1")
      caf::anon_send(to, endpoint_done{c.ip, c.port, false});
  // The one that is free now is drawn whenever it is among the two.
  int free_one = 0;
  for (int i = 0; i < 6; ++i)
    free_one += choose().pod == "web-1";
  BOOST_TEST(free_one >= 2);
}

BOOST_AUTO_TEST_CASE(says_when_there_is_no_endpoint_and_when_its_pod_has_no_actor) {
  all->replace({{name, pods(0)}}, nullptr);
  BOOST_TEST(ask().find("no endpoints available for service default/web:http") !=
             std::string::npos);
  BOOST_TEST(choose().ip == "none");
  all->change({{name, pods(1)}}, nullptr);
  BOOST_TEST(ask().find("no actor of endpoint 10.244.0.2") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(roles_come_and_go_with_the_ports_of_a_service) {
  const service_port_name other{"default", "web", "metrics"};
  all->replace({{name, pods(1)}, {other, pods(1)}}, nullptr);
  BOOST_TEST(!!service(*env.roles, "default", "web"));
  BOOST_TEST(!!service(*env.roles, "default", "web", "metrics"));
  BOOST_TEST(
      (service(*env.roles, "default", "web") == service(*env.roles, "default", "web", "http")));
  all->change({{name, std::nullopt}}, nullptr);
  BOOST_TEST(!service(*env.roles, "default", "web", "http"));
  BOOST_TEST(
      (service(*env.roles, "default", "web") == service(*env.roles, "default", "web", "metrics")));
  all->replace({}, nullptr);
  BOOST_TEST(!service(*env.roles, "default", "web"));
  BOOST_TEST(all->size() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
