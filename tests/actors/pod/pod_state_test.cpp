#include "actors/pod/pod_driver.hpp"

using namespace thespis;
using namespace thespis::test;

namespace {

constexpr const char* plain = "{spec: {containers: [{name: main, image: 'web:1'}]}}";

pod_driver started(std::string_view text) {
  pod_driver d{text};
  d.settle();
  return d;
}

std::string of_policy(const std::string& policy) {
  return "{spec: {restartPolicy: " + policy + ", containers: [{name: main, image: 'web:1'}]}}";
}

std::string deleted(const std::string& spec, int grace = 30) {
  return "{metadata: {deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: " +
         std::to_string(grace) + "}, spec: " + spec + "}";
}

} // namespace

BOOST_AUTO_TEST_SUITE(pod_state_start)

BOOST_AUTO_TEST_CASE(goes_from_volumes_over_the_sandbox_to_running_containers) {
  pod_driver d{plain};
  BOOST_TEST(d.phase() == "Pending");
  BOOST_TEST(d.shown("main") == "waiting ContainerCreating");
  BOOST_TEST(d.condition("PodReadyToStartContainers") == "False");
  d.settle();
  BOOST_TEST((d.log == std::vector<std::string>{"volumes", "sandbox 0", "start main"}));
  BOOST_TEST(d.phase() == "Running");
  BOOST_TEST(d.shown("main") == "running");
  const auto s = d.status();
  BOOST_TEST(s.pod_ip == "10.42.0.5");
  BOOST_TEST(s.host_ip == "192.0.2.1");
  BOOST_TEST(s.container_statuses.at(0).ready);
  BOOST_TEST(s.container_statuses.at(0).restart_count == 0);
  for (const auto* type : {"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady"})
    BOOST_TEST(d.condition(type) == "True");
}

BOOST_AUTO_TEST_CASE(waits_for_volumes_and_tries_them_again) {
  pod_driver d{plain};
  d.volumes = false;
  d.settle();
  BOOST_TEST(d.count("volumes") == 1);
  d.advance(1s);
  BOOST_TEST(d.count("volumes") == 2);
  BOOST_TEST(d.count("sandbox 0") == 0);
  d.volumes = true;
  d.advance(15s);
  BOOST_TEST(d.phase() == "Running");
}

BOOST_AUTO_TEST_CASE(gives_each_new_sandbox_a_new_attempt) {
  pod_driver d{plain};
  d.sandboxes = false;
  d.advance(3s);
  BOOST_TEST(d.count("sandbox 0") == 1);
  BOOST_TEST(d.count("sandbox 1") == 1);
  BOOST_TEST(d.phase() == "Pending");
  d.sandboxes = true;
  d.advance(20s);
  BOOST_TEST(d.phase() == "Running");
}

BOOST_AUTO_TEST_CASE(keeps_the_conditions_of_others) {
  auto d = started("{spec: {containers: [{name: main, image: 'web:1'}], readinessGates: "
                   "[{conditionType: lb}]}, status: {conditions: [{type: PodScheduled, status: "
                   "'True'}]}}");
  BOOST_TEST(d.condition("PodScheduled") == "True");
  BOOST_TEST(d.condition("ContainersReady") == "True");
  BOOST_TEST(d.condition("Ready") == "False ReadinessGatesNotReady");
  d.update("{spec: {containers: [{name: main, image: 'web:1'}], readinessGates: [{conditionType: "
           "lb}]}, status: {conditions: [{type: lb, status: 'True'}]}}");
  BOOST_TEST(d.condition("Ready") == "True");
}

BOOST_AUTO_TEST_CASE(notices_that_somebody_has_told_otherwise) {
  const std::string spec = "spec: {containers: [{name: main, image: i}]}";
  const auto shown = [&](const std::string& ready) {
    return "{" + spec +
           ", status: {conditions: ["
           "{type: PodReadyToStartContainers, status: 'True'}, {type: Initialized, status: "
           "'True'}, "
           "{type: Ready, status: '" +
           ready + "'}, {type: ContainersReady, status: 'True'}]}}";
  };
  pod_driver d{"{" + spec + "}"};
  d.settle();
  BOOST_TEST(d.condition("Ready") == "True");
  BOOST_TEST(d.state.told_otherwise()); // the API shows nothing yet
  d.update(shown("True"));
  (void)d.status();
  BOOST_TEST(!d.state.told_otherwise());
  d.update(shown("False"));
  (void)d.status();
  BOOST_TEST(d.state.told_otherwise());
  BOOST_TEST(d.condition("Ready") == "True");
}

BOOST_AUTO_TEST_CASE(tells_image_failures_then_their_back_off) {
  pod_driver d{plain};
  d.refuse["main"] = "ErrImagePull";
  d.settle();
  BOOST_TEST(d.shown("main") == "waiting ErrImagePull");
  d.advance(5s);
  BOOST_TEST(d.shown("main") == "waiting ImagePullBackOff");
  BOOST_TEST(d.status_of("main").state->waiting->message ==
             "Back-off pulling image \"web:1\": ErrImagePull: because");
  BOOST_TEST(d.told("BackOff", "Back-off pulling image \"web:1\""));
  BOOST_TEST(d.count("start main") == 1);
  d.advance(5s);
  BOOST_TEST(d.count("start main") == 2);
  d.advance(19s);
  BOOST_TEST(d.count("start main") == 2);
  d.refuse.clear();
  d.advance(1s);
  BOOST_TEST(d.phase() == "Running");
  BOOST_TEST(d.status_of("main").restart_count == 0);
}

BOOST_AUTO_TEST_CASE(a_missing_config_map_keeps_the_container_waiting) {
  pod_driver d{plain};
  d.refuse["main"] = "CreateContainerConfigError";
  d.advance(5s);
  BOOST_TEST(d.shown("main") == "waiting CreateContainerConfigError");
  BOOST_TEST(d.phase() == "Pending");
  d.refuse.clear();
  d.advance(2s);
  BOOST_TEST(d.phase() == "Running");
}

BOOST_AUTO_TEST_CASE(a_process_that_cannot_start_counts_as_a_restart) {
  pod_driver d{plain};
  d.refuse["main"] = "RunContainerError";
  d.settle();
  BOOST_TEST(d.shown("main") == "waiting CrashLoopBackOff");
  BOOST_TEST(d.status_of("main").last_state->terminated->exit_code == 128);
  BOOST_TEST(d.status_of("main").last_state->terminated->reason == "StartError");
  BOOST_TEST(d.status_of("main").restart_count == 1);
  auto never = started(of_policy("Always"));
  pod_driver n{of_policy("Never")};
  n.refuse["main"] = "RunContainerError";
  n.settle();
  BOOST_TEST(n.phase() == "Failed");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pod_state_restarts)

BOOST_AUTO_TEST_CASE(restarts_at_once_then_backs_off_to_five_minutes) {
  auto d = started(plain);
  d.now += 1s;
  d.end("main", 1);
  BOOST_TEST(d.count("start main") == 2);
  BOOST_TEST(d.shown("main") == "running");
  BOOST_TEST(d.status_of("main").restart_count == 1);
  BOOST_TEST(d.status_of("main").last_state->terminated->exit_code == 1);
  BOOST_TEST(d.status_of("main").last_state->terminated->reason == "Error");
  size_t starts = 2;
  for (const auto wait : {10s, 20s, 40s, 80s, 160s, 300s, 300s}) {
    d.now += 1s;
    d.end("main", 1);
    BOOST_TEST(d.shown("main") == "waiting CrashLoopBackOff");
    BOOST_TEST(d.phase() == "Running");
    d.advance(wait - 1ns);
    BOOST_TEST(d.count("start main") == starts);
    d.advance(1ns);
    BOOST_TEST(d.count("start main") == ++starts);
  }
  BOOST_TEST(d.told("BackOff", "Back-off restarting failed container main in pod "
                               "web_default(u-1)"));
}

BOOST_AUTO_TEST_CASE(an_end_that_is_told_twice_counts_once) {
  auto d = started(plain);
  const auto first = d.container("main").id;
  d.held.insert("start");
  d.end("main", 1);
  BOOST_TEST((d.container("main").phase == container_phase::starting));
  runtime::container_status s;
  s.exit_code = 1;
  d.state.on_exited(first, &s, d.now);
  d.settle();
  BOOST_TEST((d.container("main").phase == container_phase::starting));
  BOOST_TEST(d.container("main").failures == 1);
  BOOST_TEST(d.count("start main") == 2);
}

BOOST_AUTO_TEST_CASE(says_how_long_the_back_off_is) {
  auto d = started(plain);
  d.end("main", 1);
  d.end("main", 1);
  BOOST_TEST(d.status_of("main").state->waiting->message ==
             "back-off 10s restarting failed container=main pod=web_default(u-1)");
}

BOOST_AUTO_TEST_CASE(forgets_the_back_off_of_a_container_that_ran_long) {
  auto d = started(plain);
  for (int i = 0; i < 3; ++i) {
    d.end("main", 1);
    d.advance(1min);
  }
  d.advance(10min);
  const auto starts = d.count("start main");
  d.end("main", 1);
  BOOST_TEST(d.count("start main") == starts + 1);
}

BOOST_AUTO_TEST_CASE(follows_the_restart_policy) {
  struct row {
    const char* policy;
    int code;
    bool restarts;
    const char* phase;
  };
  for (const auto& r :
       {row{"Always", 0, true, "Running"}, row{"Always", 1, true, "Running"},
        row{"OnFailure", 0, false, "Succeeded"}, row{"OnFailure", 1, true, "Running"},
        row{"Never", 0, false, "Succeeded"}, row{"Never", 1, false, "Failed"}}) {
    auto d = started(of_policy(r.policy));
    d.end("main", r.code);
    BOOST_TEST_CONTEXT(r.policy << " " << r.code) {
      BOOST_TEST(d.count("start main") == (r.restarts ? 2 : 1));
      BOOST_TEST(d.phase() == r.phase);
      BOOST_TEST(d.released == !r.restarts);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_containers_own_policy_and_rules_go_before_the_pods) {
  pod_driver d{
      "{spec: {restartPolicy: Never, containers: [{name: rules, image: i, restartPolicy: Never, "
      "restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [42]}}]}, "
      "{name: but, image: i, restartPolicy: Never, restartPolicyRules: [{action: Restart, "
      "exitCodes: {operator: NotIn, values: [3]}}]}, "
      "{name: always, image: i, restartPolicy: Always}, {name: plain, image: i}]}}"};
  d.settle();
  d.end("rules", 42);
  d.end("but", 7);
  d.end("always", 0);
  d.end("plain", 42);
  d.advance(10min);
  BOOST_TEST(d.count("start rules") == 2);
  BOOST_TEST(d.count("start but") == 2);
  BOOST_TEST(d.count("start always") == 2);
  BOOST_TEST(d.count("start plain") == 1);
  d.end("rules", 1);
  d.end("but", 3);
  d.advance(10min);
  BOOST_TEST(d.count("start rules") == 2);
  BOOST_TEST(d.count("start but") == 2);
  BOOST_TEST(d.phase() == "Running"); // for the sake of the one that is always started again
}

BOOST_AUTO_TEST_CASE(an_ended_pod_says_so_in_its_conditions) {
  auto d = started(of_policy("Never"));
  d.end("main", 0);
  BOOST_TEST(d.shown("main") == "terminated 0 Completed");
  BOOST_TEST(d.condition("Ready") == "False PodCompleted");
  BOOST_TEST(d.condition("ContainersReady") == "False PodCompleted");
  BOOST_TEST(d.condition("Initialized") == "True PodCompleted");
  auto f = started(of_policy("Never"));
  f.end("main", 3);
  BOOST_TEST(f.shown("main") == "terminated 3 Error");
  BOOST_TEST(f.condition("Ready") == "False PodFailed");
}

BOOST_AUTO_TEST_CASE(one_container_that_runs_on_keeps_the_pod_running) {
  auto d = started("{spec: {restartPolicy: Never, containers: [{name: a, image: i}, {name: b, "
                   "image: i}]}}");
  d.end("a", 1);
  BOOST_TEST(d.phase() == "Running");
  BOOST_TEST(d.condition("Ready") == "False ContainersNotReady");
  BOOST_TEST(!d.released);
  d.end("b", 0);
  BOOST_TEST(d.phase() == "Failed");
  BOOST_TEST(d.released);
}

BOOST_AUTO_TEST_CASE(keeps_one_instance_before_the_newest) {
  auto d = started(plain);
  for (int i = 0; i < 3; ++i) {
    d.end("main", 1);
    d.advance(6min);
  }
  BOOST_TEST((d.removed == std::vector<std::string>{"main-0", "main-1"}));
  BOOST_TEST(d.container("main").previous_id == "main-2");
  BOOST_TEST(d.container("main").previous_log == "/logs/main-2");
}

BOOST_AUTO_TEST_CASE(a_new_image_restarts_the_container_whatever_the_policy) {
  auto d = started(of_policy("Never"));
  d.update("{spec: {restartPolicy: Never, containers: [{name: main, image: 'web:2'}]}}");
  BOOST_TEST(d.count("start main") == 2);
  BOOST_TEST(d.phase() == "Running");
  BOOST_TEST(d.status_of("main").image == "web:2");
  d.end("main", 0);
  BOOST_TEST(d.phase() == "Succeeded");
}

BOOST_AUTO_TEST_CASE(fails_at_the_active_deadline) {
  auto d = started("{spec: {activeDeadlineSeconds: 60, containers: [{name: main, image: i}]}}");
  d.advance(59s);
  BOOST_TEST(d.phase() == "Running");
  d.advance(1s);
  BOOST_TEST(d.phase() == "Failed");
  BOOST_TEST(d.status().reason == "DeadlineExceeded");
  BOOST_TEST(d.count("stop main 30") == 1);
  BOOST_TEST(d.condition("Ready") == "False PodFailed");
  BOOST_TEST(d.released);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pod_state_init_containers)

BOOST_AUTO_TEST_CASE(run_one_after_another_before_the_others) {
  auto d = started("{spec: {initContainers: [{name: a, image: i}, {name: b, image: i}], "
                   "containers: [{name: main, image: i}]}}");
  BOOST_TEST(d.count("start a") == 1);
  BOOST_TEST(d.count("start b") == 0);
  BOOST_TEST(d.shown("main") == "waiting PodInitializing");
  BOOST_TEST(d.phase() == "Pending");
  BOOST_TEST(d.condition("Initialized") == "False ContainersNotInitialized");
  d.end("a", 0);
  BOOST_TEST(d.count("start b") == 1);
  BOOST_TEST(d.count("start main") == 0);
  d.end("b", 0);
  BOOST_TEST(d.count("start main") == 1);
  BOOST_TEST(d.phase() == "Running");
  BOOST_TEST(d.condition("Initialized") == "True");
  BOOST_TEST(d.shown("a") == "terminated 0 Completed");
}

BOOST_AUTO_TEST_CASE(a_failing_one_is_repeated_or_fails_the_pod) {
  const std::string containers =
      "initContainers: [{name: a, image: i}], containers: [{name: main, image: i}]}}";
  auto always = started("{spec: {" + containers);
  always.end("a", 1);
  BOOST_TEST(always.count("start a") == 2);
  always.end("a", 1);
  BOOST_TEST(always.shown("a") == "waiting CrashLoopBackOff");
  BOOST_TEST(always.phase() == "Pending");
  auto never = started("{spec: {restartPolicy: Never, " + containers);
  never.end("a", 1);
  BOOST_TEST(never.phase() == "Failed");
  BOOST_TEST(never.count("start main") == 0);
  BOOST_TEST(never.released);
}

BOOST_AUTO_TEST_CASE(sidecars_start_before_and_end_after_the_others) {
  auto d = started("{spec: {restartPolicy: Never, initContainers: [{name: proxy, image: i, "
                   "restartPolicy: Always}, {name: setup, image: i}], containers: [{name: main, "
                   "image: i}]}}");
  BOOST_TEST(d.shown("proxy") == "running");
  d.end("setup", 0);
  BOOST_TEST(d.shown("main") == "running");
  d.end("proxy", 1);
  BOOST_TEST(d.count("start proxy") == 2);
  BOOST_TEST(d.phase() == "Running");
  d.end("main", 0);
  BOOST_TEST(d.count("stop proxy 30") == 1);
  BOOST_TEST(d.phase() == "Succeeded");
}

BOOST_AUTO_TEST_CASE(a_crashed_sidecar_does_not_hold_up_the_others_restart) {
  auto d = started("{spec: {initContainers: [{name: proxy, image: i, restartPolicy: Always}], "
                   "containers: [{name: main, image: i}]}}");
  d.end("proxy", 1);
  d.end("proxy", 1);
  BOOST_TEST(d.shown("proxy") == "waiting CrashLoopBackOff");
  d.end("main", 1);
  BOOST_TEST(d.count("start main") == 2);
}

BOOST_AUTO_TEST_CASE(sidecars_end_last_in_reverse_order) {
  const std::string spec = "{initContainers: [{name: p, image: i, restartPolicy: Always}, {name: "
                           "q, image: i, restartPolicy: Always}], containers: [{name: main, "
                           "image: i}]}";
  auto d = started("{spec: " + spec + "}");
  d.log.clear();
  d.update(deleted(spec));
  BOOST_TEST(
      (d.log == std::vector<std::string>{"stop main 30", "stop q 30", "stop p 30", "stop sb-0"}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pod_state_sandbox)

BOOST_AUTO_TEST_CASE(a_dead_sandbox_is_replaced_and_the_containers_start_anew) {
  auto d = started("{spec: {initContainers: [{name: setup, image: i}], containers: [{name: main, "
                   "image: i}]}}");
  d.end("setup", 0);
  d.log.clear();
  d.state.on_sandbox_died("sb-0");
  d.settle();
  BOOST_TEST((d.log == std::vector<std::string>{"stop sb-0", "sandbox 1", "start setup"}));
  BOOST_TEST(d.phase() == "Running");
  d.end("setup", 0);
  BOOST_TEST(d.shown("main") == "running");
  BOOST_TEST(d.status_of("main").restart_count == 1);
  BOOST_TEST(d.status_of("main").last_state->terminated->exit_code == 137);
}

BOOST_AUTO_TEST_CASE(a_pod_that_never_restarts_fails_with_its_sandbox) {
  auto d = started(of_policy("Never"));
  d.state.on_sandbox_died("sb-0");
  d.settle();
  BOOST_TEST(d.phase() == "Failed");
  BOOST_TEST(d.count("sandbox 1") == 0);
  BOOST_TEST(d.released);
}

BOOST_AUTO_TEST_CASE(is_not_stopped_while_a_container_is_being_created_in_it) {
  auto d = started("{spec: {containers: [{name: a, image: i}, {name: b, image: i}]}}");
  d.held.insert("start");
  d.end("b", 1);
  BOOST_REQUIRE(d.state.begin_create(d.index("b")));
  d.state.on_sandbox_died("sb-0");
  d.settle();
  BOOST_TEST(d.count("stop sb-0") == 0);
  d.state.on_container_failed(d.index("b"), "CreateContainerError", "sandbox is gone", d.now);
  d.settle();
  BOOST_TEST(d.count("stop sb-0") == 1);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pod_state_deletion)

BOOST_AUTO_TEST_CASE(stops_with_the_grace_of_the_deletion) {
  const std::string spec = "{containers: [{name: main, image: 'web:1'}]}";
  auto d = started("{spec: " + spec + "}");
  d.held.insert("stop");
  d.update(deleted(spec, 7));
  BOOST_TEST(d.count("stop main 7") == 1);
  BOOST_TEST(d.phase() == "Running");
  BOOST_TEST(d.status_of("main").ready);
  BOOST_TEST(!d.released);
  d.held.clear();
  d.end("main", 143);
  BOOST_TEST(d.count("stop sb-0") == 1);
  BOOST_TEST(d.released);
  BOOST_TEST(d.phase() == "Failed");
  BOOST_TEST(d.count("start main") == 1);
}

BOOST_AUTO_TEST_CASE(a_shorter_second_deletion_stops_again) {
  const std::string spec = "{containers: [{name: main, image: 'web:1'}]}";
  auto d = started("{spec: " + spec + "}");
  d.held.insert("stop");
  d.update(deleted(spec, 300));
  d.update(deleted(spec, 300));
  d.update(deleted(spec, 1));
  BOOST_REQUIRE_EQUAL(d.unanswered.size(), 2);
  const auto& first = std::get<stop_container>(d.unanswered[0]);
  const auto& second = std::get<stop_container>(d.unanswered[1]);
  BOOST_TEST(first.hook);
  BOOST_TEST(first.reason == "Stopping container main");
  BOOST_TEST(!second.hook);
  BOOST_TEST(second.reason.empty());
  BOOST_TEST(second.grace.count() == 1);
}

BOOST_AUTO_TEST_CASE(a_failed_stop_is_repeated_without_the_hook) {
  const std::string spec = "{containers: [{name: main, image: 'web:1'}]}";
  auto d = started("{spec: " + spec + "}");
  d.held.insert("stop");
  d.update(deleted(spec));
  d.state.on_stop_failed(0);
  d.settle();
  BOOST_REQUIRE_EQUAL(d.unanswered.size(), 2);
  BOOST_TEST(!std::get<stop_container>(d.unanswered[1]).hook);
}

BOOST_AUTO_TEST_CASE(does_not_wait_for_an_image) {
  const std::string spec = "{containers: [{name: main, image: 'web:1'}]}";
  pod_driver d{"{spec: " + spec + "}"};
  d.held.insert("start");
  d.settle();
  d.update(deleted(spec));
  BOOST_TEST(d.released);
  BOOST_TEST(!d.state.begin_create(0));
}

BOOST_AUTO_TEST_CASE(waits_for_what_the_runtime_is_creating) {
  const std::string spec = "{containers: [{name: main, image: 'web:1'}]}";
  pod_driver d{"{spec: " + spec + "}"};
  d.held.insert("start");
  d.settle();
  BOOST_REQUIRE(d.state.begin_create(0));
  d.update(deleted(spec));
  BOOST_TEST(!d.released);
  d.state.on_container_created(0, "c-1");
  runtime::container_status s;
  s.state = runtime::container_state::running;
  d.state.on_container_started(0, s, d.now);
  d.settle();
  BOOST_TEST(d.count("stop main 30") == 1);
  BOOST_TEST(d.released);
}

BOOST_AUTO_TEST_CASE(of_a_pod_without_containers_yet_ends_at_once) {
  pod_driver d{deleted("{containers: [{name: main, image: i}]}")};
  d.settle();
  BOOST_TEST(d.released);
  BOOST_TEST(d.log.empty());
}

BOOST_AUTO_TEST_SUITE_END()
