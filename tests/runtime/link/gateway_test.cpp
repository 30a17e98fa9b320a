// What a linked machine is given and refused, and how its link ends.
#include "actors/fixture.hpp"
#include "api/auth/policy.hpp"
#include "api/generated/core_v1_pod.hpp"
#include "runtime/link/gateway_actor.hpp"
#include "runtime/link/relay_actor.hpp"
#include "runtime/link/remote_requests_actor.hpp"

using namespace thespis;
using namespace thespis::test;
namespace linking = runtime::link;

namespace {

struct seen {
  std::vector<api::watch_event> events;
  int batches = 0, whole = 0;
  std::vector<api::error> closed;
};

/// Watches through a relay, and keeps what it is sent.
runtime::watcher_handle::behavior_type watcher(runtime::watcher_handle::pointer self,
                                               std::shared_ptr<seen> into,
                                               runtime::registry_handle registry) {
  return {[=](const runtime::watch_batch& b) {
            ++into->batches;
            into->whole += b.what.initial_end ? 1 : 0;
            into->events.insert(into->events.end(), b.what.events.begin(), b.what.events.end());
            self->send(registry, runtime::watch_ack{runtime::watcher_handle{self}, b.watch});
          },
          [=](const runtime::watch_closed& c) { into->closed.push_back(c.why); }};
}

/// A gateway that hears all and says nothing.
linking::gateway_handle::behavior_type silent(linking::gateway_handle::pointer self, int) {
  const auto never = [self](auto promise) { return promise; };
  return {[=](runtime::call_batch&) -> caf::result<runtime::call_outcomes> {
            return never(self->make_response_promise<runtime::call_outcomes>());
          },
          [=](const linking::link_hello&) -> caf::result<linking::link_welcome> {
            return never(self->make_response_promise<linking::link_welcome>());
          },
          [=](linking::api_call&) -> caf::result<linking::api_answer> {
            return never(self->make_response_promise<linking::api_answer>());
          },
          [](const linking::open_watch&) {},
          [](const linking::watch_credit&) {},
          [](const linking::close_watch&) {},
          [](const linking::announce_role&) {},
          [](const linking::withdraw_role&) {}};
}

constexpr const char* rules = R"(
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: machines}
rules:
- {apiGroups: [networking.k8s.io], resources: [networkpolicies, ingresses], verbs: [list, watch]}
- {nonResourceURLs: [/thespis/v1/link], verbs: [get]}
)";
constexpr const char* rules_bound = R"(
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: machines}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: machines}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: system:nodes}]
)";

struct link_fixture : cluster_fixture {
  link_fixture() {
    create(rules);
    create(rules_bound);
    access->rebuild(state());
  }
  std::shared_ptr<const api::reader> reader() {
    return {std::shared_ptr<const api::reader>{}, &state()};
  }
  /// A gateway that has been greeted, where the relays find it.
  linking::gateway_actor_handle connect(std::optional<runtime::wall_time> expires = std::nullopt) {
    const auto id = members->begin(user, "192.0.2.9");
    linking::gateway_deps deps{env(), access, {}, members, id, user, {}, reader(), expires};
    gateway = play<linking::gateway_actor>(linking::gateway_role, deps);
    caf::scoped_actor self{system()};
    auto answer = self->request(gateway, 10s, linking::link_hello{"1", "m", {}, 1});
    settle();
    answer.receive([&](const linking::link_welcome& w) { refused = w.refused; },
                   [&](const caf::error& e) { BOOST_FAIL(system().render(e)); });
    return gateway;
  }
  std::shared_ptr<seen> watch(const std::string& resource, bool brief, api::selection what = {}) {
    auto relay = spawn<linking::relay_actor>(linking::relay_deps{env().roles, resource, brief});
    auto into = std::make_shared<seen>();
    const runtime::registry_handle registry = relay;
    auto to = system().spawn(watcher, into, registry);
    look_after(caf::actor_cast<caf::actor>(to));
    caf::anon_send(relay, runtime::subscribe{to, 7, std::move(what), 0});
    settle();
    return into;
  }
  bool gone() const {
    const auto a = caf::actor_cast<caf::actor>(gateway);
    return caf::actor_cast<caf::abstract_actor*>(a)->getf(caf::abstract_actor::is_terminated_flag);
  }

  api::user_info user{"system:node:m", {}, {"system:nodes", "system:authenticated"}};
  std::shared_ptr<api::auth::policy> access = std::make_shared<api::auth::policy>(reader());
  std::shared_ptr<linking::membership> members = std::make_shared<linking::membership>(env().clock);
  linking::gateway_actor_handle gateway;
  std::string refused;
};

constexpr const char* pod = R"(
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: web}, annotations: {secret: word}}
spec:
  nodeName: other
  containers:
  - {name: c, image: i, env: [{name: PASSWORD, value: hunter2}], ports: [{containerPort: 80}]}
)";

} // namespace

BOOST_FIXTURE_TEST_SUITE(gateway, link_fixture)

BOOST_AUTO_TEST_CASE(a_machine_sees_of_others_pods_what_policies_ask_and_nothing_else) {
  create(pod);
  connect();
  const auto brief = watch("pods", true);
  BOOST_TEST(brief->whole == 1);
  BOOST_REQUIRE(brief->events.size() == 1);
  const auto& o = *brief->events.front().object;
  BOOST_TEST((o.labels() == api::label_set{{"app", "web"}}));
  BOOST_TEST(o.meta().node_name == "other");
  BOOST_TEST(api::typed<api::v1::pod>(o)->spec.containers.front().ports.size() == 1);
  BOOST_TEST(o.bytes().find("hunter2") == std::string::npos);
  BOOST_TEST(o.bytes().find("word") == std::string::npos);
  const auto all = watch("pods", false);
  advance(3s);
  BOOST_TEST(all->events.empty());
  BOOST_REQUIRE(all->closed.size() == 1);
  BOOST_TEST(all->closed.front().message.find("a node may watch only the pods that are its own") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(who_may_not_see_policies_does_not_see_their_pods) {
  create(pod);
  remove("clusterrolebindings.rbac.authorization.k8s.io", "machines", "");
  access->rebuild(state());
  connect();
  const auto brief = watch("pods", true);
  advance(3s);
  BOOST_TEST(brief->events.empty());
  BOOST_TEST(brief->closed.size() == 1);
}

BOOST_AUTO_TEST_CASE(a_machine_sees_the_certificates_that_ingresses_name_and_no_other_secret) {
  create("{apiVersion: v1, kind: Secret, metadata: {name: shown}, type: kubernetes.io/tls, "
         "data: {tls.crt: eA==, tls.key: eA==}}");
  create("{apiVersion: v1, kind: Secret, metadata: {name: other}, type: kubernetes.io/tls, "
         "data: {tls.crt: eA==, tls.key: eA==}}");
  create("{apiVersion: v1, kind: Secret, metadata: {name: password}}");
  create("{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: c}, "
         "spec: {controller: thespis.dev/ingress}}");
  create("{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, "
         "spec: {ingressClassName: c, tls: [{hosts: [a.example], secretName: shown}, "
         "{hosts: [b.example], secretName: password}], "
         "defaultBackend: {service: {name: s, port: {number: 80}}}}}");
  connect();
  const auto named = [](const std::string& name) {
    api::selection what;
    what.ns = "default";
    what.name = name;
    return what;
  };
  BOOST_TEST(watch("secrets", false, named("shown"))->events.size() == 1);
  for (const std::string name : {"other", "password"}) {
    const auto none = watch("secrets", false, named(name));
    advance(3s);
    BOOST_TEST_CONTEXT(name) {
      BOOST_TEST(none->events.empty());
      BOOST_TEST(none->closed.size() == 1);
    }
  }
  const auto all = watch("secrets", false);
  advance(3s);
  BOOST_TEST(all->events.empty());
}

BOOST_AUTO_TEST_CASE(a_link_ends_with_its_certificate) {
  connect(now() + 1min);
  advance(50s);
  BOOST_TEST(!gone());
  advance(20s);
  BOOST_TEST(gone());
}

BOOST_AUTO_TEST_CASE(a_link_ends_with_the_service_account_that_opened_it) {
  create("{apiVersion: v1, kind: ServiceAccount, metadata: {name: robot}}");
  create("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, "
         "metadata: {name: robots}, roleRef: {apiGroup: rbac.authorization.k8s.io, "
         "kind: ClusterRole, name: machines}, subjects: [{kind: ServiceAccount, name: robot, "
         "namespace: default}]}");
  access->rebuild(state());
  user = {"system:serviceaccount:default:robot", {}, {"system:serviceaccounts"}};
  connect();
  advance(20s);
  BOOST_TEST(!gone());
  remove("serviceaccounts", "robot");
  advance(6s);
  BOOST_TEST(gone());
}

BOOST_AUTO_TEST_CASE(a_link_ends_with_the_right_to_it) {
  connect();
  advance(20s);
  BOOST_TEST(!gone());
  remove("clusterrolebindings.rbac.authorization.k8s.io", "machines", "");
  access->rebuild(state());
  advance(6s);
  BOOST_TEST(gone());
}

BOOST_AUTO_TEST_CASE(a_watch_through_a_relay_is_begun_anew_after_the_link_was_lost) {
  create("{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, "
         "spec: {defaultBackend: {service: {name: s, port: {number: 80}}}}}");
  const auto w = watch("ingresses.networking.k8s.io", false);
  BOOST_TEST(w->batches == 0);
  connect();
  advance(1s);
  BOOST_TEST(w->events.size() == 1);
  // The directory has the dead one for a while; that is no work for anybody.
  caf::anon_send_exit(gateway, caf::exit_reason::kill);
  settle();
  BOOST_REQUIRE(w->closed.size() == 1);
  BOOST_TEST((w->closed.front().why == api::reason::expired));
}

BOOST_AUTO_TEST_CASE(a_call_under_way_fails_as_soon_as_its_link_is_lost) {
  const auto deaf = system().spawn(silent, 0);
  look_after(caf::actor_cast<caf::actor>(deaf));
  env().roles->put(std::string{linking::gateway_role},
                   caf::actor_cast<caf::strong_actor_ptr>(deaf));
  const auto bridge = spawn<linking::remote_requests_actor>(linking::remote_requests_deps{env()});
  runtime::call_batch batch;
  batch.calls.resize(3);
  caf::scoped_actor self{system()};
  auto answer = self->request(bridge, 600s, std::move(batch));
  advance(5s);
  kill(linking::gateway_role);
  bool told = false;
  answer.receive(
      [&](const runtime::call_outcomes& o) {
        BOOST_REQUIRE(o.outcomes.size() == 3);
        BOOST_TEST((o.outcomes.back().failure.why == api::reason::service_unavailable));
        BOOST_TEST(o.outcomes.back().failure.message == "the link to the server was lost");
        told = true;
      },
      [&](const caf::error& e) { BOOST_FAIL(system().render(e)); });
  BOOST_TEST(told);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(membership)

BOOST_AUTO_TEST_CASE(a_second_process_is_refused_and_the_same_one_takes_its_old_place) {
  const api::user_info user{"system:node:m", {}, {"system:nodes"}};
  std::vector<std::string> ended; // before the members, whose links tell it of their end
  linking::membership members{runtime::system_clock_port()};
  const auto process = [](uint32_t pid) {
    caf::node_id::default_data::host_id_type host;
    host.fill(1);
    return caf::make_node_id(pid, host);
  };
  const auto join = [&](uint32_t pid) {
    const auto id = members.begin(user, "192.0.2." + std::to_string(pid));
    members.attach(id, std::make_shared<linking::link_state>(
                           linking::side::server, linking::guard_limits{}, nullptr,
                           [&ended](const std::string& why) { ended.push_back(why); }));
    BOOST_TEST(members.claim(id, process(pid)));
    return id;
  };
  const auto first = join(1);
  BOOST_TEST(members.greet(first, "m", "1", 1, {}) == "");
  const auto second = join(2);
  BOOST_TEST(members.greet(second, "m", "1", 1, {})
                 .starts_with("another process is linked as m, from 192.0.2.1 since "));
  BOOST_TEST(ended.empty());
  members.end(second);
  // When the first is given up there is room.
  members.end(first);
  const auto third = join(2);
  BOOST_TEST(members.greet(third, "m", "1", 2, {}) == "");
  // A link that its own process has lost does not keep it out.
  const auto again = members.begin(user, "192.0.2.2");
  BOOST_TEST(!members.claim(again, process(2)));
}

BOOST_AUTO_TEST_SUITE_END()
