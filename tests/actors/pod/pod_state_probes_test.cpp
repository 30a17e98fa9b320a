#include "actors/pod/pod_driver.hpp"

using namespace thespis;
using namespace thespis::test;

namespace {

std::string probed(const std::string& probes, const std::string& status = "",
                   const std::string& policy = "Always") {
  return "{status: {" + status + "}, spec: {restartPolicy: " + policy +
         ", containers: [{name: main, image: i, " + probes + "}]}}";
}

} // namespace

BOOST_AUTO_TEST_SUITE(pod_state_probes)

BOOST_AUTO_TEST_CASE(readiness_flips_at_its_thresholds) {
  pod_driver d{probed("readinessProbe: {tcpSocket: {port: 80}, initialDelaySeconds: 5, "
                      "periodSeconds: 10, failureThreshold: 2, successThreshold: 2}")};
  d.settle();
  BOOST_TEST(!d.status_of("main").ready);
  BOOST_TEST(d.condition("Ready") == "False ContainersNotReady");
  d.advance(5s);
  BOOST_TEST(!d.status_of("main").ready);
  d.advance(10s);
  BOOST_TEST(d.status_of("main").ready);
  BOOST_TEST(d.condition("Ready") == "True");
  d.probes[probe_kind::readiness] = false;
  d.advance(10s);
  BOOST_TEST(d.status_of("main").ready);
  d.advance(10s);
  BOOST_TEST(!d.status_of("main").ready);
  BOOST_TEST(d.count("start main") == 1);
  d.probes[probe_kind::readiness] = true;
  d.advance(20s);
  BOOST_TEST(d.status_of("main").ready);
}

BOOST_AUTO_TEST_CASE(a_container_that_was_never_ready_is_asked_more_often_than_its_period) {
  pod_driver d{probed("readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 10}")};
  d.probes[probe_kind::readiness] = false;
  d.settle();
  const auto asked = [&] { return d.count("probe main"); };
  BOOST_TEST(asked() == 1);
  for (const auto wait : {50ms, 100ms, 200ms, 400ms}) {
    d.advance(wait - 1ms);
    const auto before = asked();
    d.advance(1ms);
    BOOST_TEST(asked() == before + 1);
  }
  // ... but not for ever.
  d.advance(1min);
  const auto late = asked();
  d.advance(1min);
  BOOST_TEST(asked() == late + 6);
  d.probes[probe_kind::readiness] = true;
  d.advance(10s);
  BOOST_TEST(d.status_of("main").ready);
  // One that was ready keeps to its period.
  d.probes[probe_kind::readiness] = false;
  const auto ready = asked();
  d.advance(1min);
  BOOST_TEST(asked() == ready + 6);
}

BOOST_AUTO_TEST_CASE(readiness_is_asked_for_until_the_end_and_liveness_is_not) {
  const auto both =
      "readinessProbe: {exec: {command: [a]}, periodSeconds: 1, failureThreshold: 1}, "
      "livenessProbe: {exec: {command: [a]}, periodSeconds: 1, failureThreshold: 1}";
  pod_driver d{probed(both)};
  d.held = {"stop"};
  d.advance(3s);
  BOOST_TEST(d.condition("Ready") == "True");
  auto text = probed(both);
  text.insert(1, "metadata: {deletionTimestamp: '2026-01-01T00:00:00Z', "
                 "deletionGracePeriodSeconds: 30}, ");
  d.update(text);
  d.probes[probe_kind::readiness] = d.probes[probe_kind::liveness] = false;
  d.advance(3s);
  BOOST_TEST(d.condition("Ready") == "False ContainersNotReady");
  BOOST_TEST(d.status_of("main").state->running.has_value());
  BOOST_TEST(d.count("stop main 30") == 1);
  BOOST_TEST(d.count("start main") == 1);
}

BOOST_AUTO_TEST_CASE(liveness_restarts_with_its_own_grace) {
  pod_driver d{probed("livenessProbe: {tcpSocket: {port: 80}, periodSeconds: 10, "
                      "failureThreshold: 3, terminationGracePeriodSeconds: 4}, startupProbe: "
                      "{tcpSocket: {port: 80}, terminationGracePeriodSeconds: 9}")};
  d.settle();
  d.advance(15s);
  d.probes[probe_kind::liveness] = false;
  d.advance(20s);
  BOOST_TEST(d.count("start main") == 1);
  d.held.insert("stop");
  d.advance(10s);
  BOOST_TEST(d.count("stop main 4") == 1);
  BOOST_REQUIRE(!d.unanswered.empty());
  BOOST_TEST(std::get<stop_container>(d.unanswered.front()).reason ==
             "Container main failed liveness probe, will be restarted");
  d.probes[probe_kind::liveness] = true;
  d.end("main", 137);
  BOOST_TEST(d.count("start main") == 2);
  BOOST_TEST(d.status_of("main").restart_count == 1);
}

BOOST_AUTO_TEST_CASE(startup_holds_the_others_back) {
  pod_driver d{probed("startupProbe: {tcpSocket: {port: 80}, periodSeconds: 5, failureThreshold: "
                      "10}, livenessProbe: {tcpSocket: {port: 80}, periodSeconds: 1, "
                      "failureThreshold: 1}, readinessProbe: {tcpSocket: {port: 80}}")};
  d.probes[probe_kind::startup] = false;
  d.probes[probe_kind::liveness] = false;
  d.advance(30s);
  BOOST_TEST(d.count("start main") == 1);
  BOOST_TEST((d.status_of("main").started == false));
  BOOST_TEST(!d.status_of("main").ready);
  d.probes[probe_kind::startup] = true;
  d.probes[probe_kind::liveness] = true;
  d.advance(5s);
  BOOST_TEST((d.status_of("main").started == true));
  BOOST_TEST(d.status_of("main").ready);
}

BOOST_AUTO_TEST_CASE(a_startup_that_takes_too_long_restarts) {
  pod_driver d{probed("startupProbe: {tcpSocket: {port: 80}, periodSeconds: 5, failureThreshold: "
                      "3}")};
  d.probes[probe_kind::startup] = false;
  d.advance(9s);
  BOOST_TEST(d.count("start main") == 1);
  d.advance(1s);
  BOOST_TEST(d.count("start main") == 2);
}

BOOST_AUTO_TEST_CASE(an_answer_for_an_instance_that_ended_is_void) {
  pod_driver d{probed("livenessProbe: {tcpSocket: {port: 80}, failureThreshold: 1}")};
  d.held.insert("probe");
  d.settle();
  d.end("main", 1);
  const auto stops = d.count("stop main 30");
  d.state.on_probe(0, probe_kind::startup, false, "late", d.now);
  d.settle();
  BOOST_TEST(d.count("stop main 30") == stops);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pod_state_adoption)

namespace {

runtime::sandbox_status sandbox(uint32_t attempt, runtime::sandbox_state state) {
  runtime::sandbox_status s;
  s.id = "sb-" + std::to_string(attempt);
  s.metadata.attempt = attempt;
  s.state = state;
  s.ips = {"10.42.0.9"};
  return s;
}

runtime::container_status instance(uint32_t attempt, runtime::container_state state, int code = 0) {
  runtime::container_status s;
  s.id = "c-" + std::to_string(attempt);
  s.name = "main";
  s.attempt = attempt;
  s.state = state;
  s.exit_code = code;
  s.started_at = std::chrono::nanoseconds{std::chrono::hours{24 * 20000}}.count();
  s.finished_at = s.started_at;
  s.log_path = "/logs/" + std::to_string(attempt) + ".log";
  return s;
}

} // namespace

BOOST_AUTO_TEST_CASE(takes_over_running_containers_without_restarting_them) {
  pod_driver d{probed("readinessProbe: {tcpSocket: {port: 80}, initialDelaySeconds: 60}",
                      "containerStatuses: [{name: main, ready: true, started: true, "
                      "restartCount: 2, containerID: 'containerd://c-2', state: {running: {}}}]")};
  d.state.adopt_sandbox(sandbox(0, runtime::sandbox_state::ready));
  d.state.adopt_container(instance(1, runtime::container_state::exited, 1));
  d.state.adopt_container(instance(2, runtime::container_state::running));
  d.settle();
  BOOST_TEST((d.log == std::vector<std::string>{"volumes"}));
  BOOST_TEST(d.phase() == "Running");
  BOOST_TEST(d.status_of("main").restart_count == 2);
  BOOST_TEST(d.container("main").previous_log == "/logs/1.log");
  d.end("main", 1);
  d.advance(6min);
  BOOST_TEST(d.status_of("main").restart_count == 3);
}

BOOST_AUTO_TEST_CASE(finds_the_newest_instance_in_any_order) {
  for (const bool newest_first : {true, false}) {
    pod_driver d{probed("command: [run]")};
    d.state.adopt_sandbox(sandbox(0, runtime::sandbox_state::ready));
    d.state.adopt_container(newest_first ? instance(5, runtime::container_state::running)
                                         : instance(4, runtime::container_state::exited, 1));
    d.state.adopt_container(newest_first ? instance(4, runtime::container_state::exited, 1)
                                         : instance(5, runtime::container_state::running));
    d.settle();
    BOOST_TEST(d.container("main").id == "c-5");
    BOOST_TEST(d.container("main").previous_id == "c-4");
    BOOST_TEST(d.shown("main") == "running");
  }
}

BOOST_AUTO_TEST_CASE(restarts_what_ended_meanwhile) {
  pod_driver d{probed("command: [run]")};
  d.state.adopt_sandbox(sandbox(3, runtime::sandbox_state::ready));
  d.state.adopt_container(instance(0, runtime::container_state::exited, 1));
  d.settle();
  BOOST_TEST(d.count("start main") == 1);
  BOOST_TEST(d.status_of("main").restart_count == 1);
  d.state.on_sandbox_died("sb-3");
  d.settle();
  BOOST_TEST(d.count("sandbox 4") == 1);
}

BOOST_AUTO_TEST_CASE(counts_on_after_the_runtime_forgot_everything) {
  pod_driver d{probed("command: [run]",
                      "phase: Running, containerStatuses: [{name: main, restartCount: "
                      "4, containerID: 'containerd://old', state: {running: {}}}]")};
  d.settle();
  BOOST_TEST(d.shown("main") == "running");
  BOOST_TEST(d.status_of("main").restart_count == 5);
  BOOST_TEST(d.status_of("main").last_state->terminated->reason == "ContainerStatusUnknown");
}

BOOST_AUTO_TEST_CASE(an_ended_pod_stays_as_it_was) {
  pod_driver d{probed("command: [run]",
                      "phase: Succeeded, podIPs: [{ip: 10.42.0.7}], containerStatuses: "
                      "[{name: main, restartCount: 1, containerID: 'containerd://old', state: "
                      "{terminated: {exitCode: 0, reason: Completed, finishedAt: "
                      "'2026-01-01T00:00:00Z'}}}]",
                      "Never")};
  d.settle();
  BOOST_TEST(d.released);
  BOOST_TEST(d.phase() == "Succeeded");
  BOOST_TEST(d.shown("main") == "terminated 0 Completed");
  BOOST_TEST(d.status_of("main").state->terminated->finished_at == "2026-01-01T00:00:00Z");
  BOOST_TEST(d.status().pod_ip == "10.42.0.7");
  BOOST_TEST(d.count("start main") == 0);
}

BOOST_AUTO_TEST_CASE(tells_the_nodes_other_address_and_takes_both_on_the_hosts_network) {
  const auto ips_of = [](const auto& list) {
    std::string res;
    for (const auto& one : list)
      res += one.ip + " ";
    return res;
  };
  using namespace std::chrono_literals;
  const pod_state::time now{std::chrono::hours{24 * 20000}};
  pod_state own{make_pod("{spec: {containers: [{name: main, image: i}]}}"), "192.0.2.1", now,
                "2001:db8::1"};
  own.on_sandbox_started("box", {"10.42.0.5", "fd42::5"});
  BOOST_TEST(ips_of(own.status(now).host_ips) == "192.0.2.1 2001:db8::1 ");
  BOOST_TEST(ips_of(own.status(now).pod_ips) == "10.42.0.5 fd42::5 ");
  pod_state host{make_pod("{spec: {hostNetwork: true, containers: [{name: main, image: i}]}}"),
                 "192.0.2.1", now, "2001:db8::1"};
  host.on_sandbox_started("box", {});
  BOOST_TEST(ips_of(host.status(now).pod_ips) == "192.0.2.1 2001:db8::1 ");
  BOOST_TEST(host.status(now).pod_ip == "192.0.2.1");
}

BOOST_AUTO_TEST_SUITE_END()
