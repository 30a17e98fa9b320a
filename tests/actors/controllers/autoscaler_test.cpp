// Autoscalers over measures that the test makes up, on the virtual clock.
#include "actors/controllers/autoscaler.hpp"
#include "actors/controllers/autoscaler_pace.hpp"
#include "actors/pods.hpp"
#include "api/generated/apps_v1.hpp"
#include "api/generated/core_v1_event.hpp"

#include <map>
#include <set>

using namespace thespis;
using namespace thespis::test;

namespace {

using autoscaler = api::v1::horizontal_pod_autoscaler;

/// Answers at the second time of asking, as servers do.
class scripted_source final : public actors::metric_source {
public:
  std::map<std::string, std::string> answers; ///< by group and path
  std::set<std::string> asked;

  static api::result<std::string> nobody() {
    api::error e;
    e.why = api::reason::not_found;
    return api::fail(std::move(e));
  }
  std::optional<api::result<std::string>> ask(const std::string& group,
                                              const std::string& path) override {
    const auto i = answers.find(group + path);
    if (i == answers.end())
      return nobody();
    if (asked.insert(group + path).second)
      return std::nullopt;
    return api::result<std::string>{i->second};
  }
};

struct autoscaler_fixture : cluster_fixture {
  std::shared_ptr<actors::usage_book> book = std::make_shared<actors::usage_book>();
  std::shared_ptr<scripted_source> source = std::make_shared<scripted_source>();

  autoscaler_fixture() {
    actors::autoscaler_deps deps;
    deps.state = std::shared_ptr<const api::reader>{&state(), [](const auto*) {}};
    deps.schemas = std::make_shared<const api::schema::registry>();
    deps.usage = book;
    deps.source = source;
    run_controller([deps] { return actors::make_autoscaler(deps); });
  }

  void create_web(int replicas, const std::string& requests = "{cpu: 100m, memory: 100Mi}") {
    const std::string pod =
        "containers: [{name: main, image: web, resources: {requests: " + requests + "}}]";
    create("{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: " +
           std::to_string(replicas) +
           ", selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, "
           "spec: {" +
           pod + "}}}}");
    for (int i = 0; i < replicas; ++i) {
      create("{apiVersion: v1, kind: Pod, metadata: {name: web-" + std::to_string(i) +
             ", labels: {app: web}}, spec: {" + pod + "}}");
      run(i);
    }
  }
  void run(int i) {
    const auto name = "web-" + std::to_string(i);
    run_pod(*this, get<api::v1::pod>(name));
    patch("pods", name, "{status: {startTime: '" + timestamp() + "'}}", "status");
  }
  /// All pods use that much from now on.
  void use(const std::vector<int64_t>& millicores, uint64_t memory = 50 << 20) {
    for (int step = 0; step < 2; ++step) {
      actors::usage_report r;
      r.ok = true;
      r.timestamp = now().time_since_epoch().count() - (step == 0 ? 15'000'000'000 : 0);
      for (size_t i = 0; i < millicores.size(); ++i) {
        const auto name = "web-" + std::to_string(i);
        r.pods.push_back({"default",
                          name,
                          get<api::v1::pod>(name).metadata.uid,
                          {{"main", r.timestamp,
                            static_cast<uint64_t>(step * millicores[i] * 15'000'000), memory}}});
      }
      book->take("node-1", r);
    }
  }
  void create_hpa(const std::string& more = "", const std::string& of = "web") {
    create("{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: " + of +
           "}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: " + of +
           "}, maxReplicas: 10" + more + "}}");
    settle();
  }
  int replicas() const { return get<api::v1::deployment>("web").spec.replicas.value_or(-1); }
  autoscaler hpa() const { return get<autoscaler>("web"); }
  std::string condition(const std::string& type) const {
    for (const auto& c : hpa().status.conditions)
      if (c.type == type)
        return c.status + " " + c.reason + ": " + c.message;
    return {};
  }
  bool told(const std::string& reason, const std::string& message) const {
    for (const auto& e : list<api::v1::event>())
      if (e.reason == reason && e.message == message)
        return e.source->component == "horizontal-pod-autoscaler";
    return false;
  }
};

constexpr const char* utilization = ", metrics: [{type: Resource, resource: {name: cpu, target: "
                                    "{type: Utilization, averageUtilization: 50}}}]";

} // namespace

BOOST_FIXTURE_TEST_SUITE(autoscaler_controller, autoscaler_fixture)

BOOST_AUTO_TEST_CASE(scales_up_by_utilization) {
  create_web(2);
  advance(1min);
  use({100, 80});
  create_hpa(utilization);
  BOOST_TEST(replicas() == 4); // 90 % of 50 %: ceil(1.8 * 2)
  const auto s = hpa().status;
  BOOST_TEST(s.current_replicas.value_or(0) == 2);
  BOOST_TEST(s.desired_replicas == 4);
  BOOST_TEST(s.last_scale_time == timestamp());
  BOOST_REQUIRE(s.current_metrics.size() == 1);
  BOOST_TEST(s.current_metrics[0].resource->current.average_utilization.value_or(0) == 90);
  BOOST_TEST(s.current_metrics[0].resource->current.average_value == "90m");
  BOOST_TEST(condition("AbleToScale") == "True SucceededRescale: the HPA controller was able to "
                                         "update the target scale to 4");
  BOOST_TEST(condition("ScalingActive") ==
             "True ValidMetricFound: the HPA was able to successfully calculate a replica count "
             "from cpu resource utilization (percentage of request)");
  BOOST_TEST(condition("ScalingLimited") ==
             "False DesiredWithinRange: the desired count is within the acceptable range");
  advance(1s);
  BOOST_TEST(told("SuccessfulRescale", "New size: 4; reason: cpu resource utilization (percentage "
                                       "of request) above target"));
}

BOOST_AUTO_TEST_CASE(stays_within_the_tolerance) {
  create_web(2);
  advance(1min);
  use({54, 54});
  create_hpa(utilization);
  BOOST_TEST(replicas() == 2);
  BOOST_TEST(condition("AbleToScale") ==
             "True ReadyForNewScale: recommended size matches current size");
  use({56, 56});
  advance(15s);
  BOOST_TEST(replicas() == 3);
}

BOOST_AUTO_TEST_CASE(scales_down_after_five_quiet_minutes) {
  create_web(4);
  advance(6min);
  use({50, 50, 50, 50});
  create_hpa(utilization);
  use({10, 10, 10, 10});
  advance(1min);
  BOOST_TEST(replicas() == 4);
  BOOST_TEST(condition("AbleToScale") ==
             "True ScaleDownStabilized: recent recommendations were higher than current one, "
             "applying the highest recent recommendation");
  advance(5min);
  BOOST_TEST(replicas() == 1);
}

BOOST_AUTO_TEST_CASE(holds_the_target_between_its_bounds) {
  create_web(2);
  advance(1min);
  use({500, 500});
  create_hpa(std::string{utilization} + ", minReplicas: 3");
  BOOST_TEST(replicas() == 3);
  BOOST_TEST(hpa().status.desired_replicas == 3);
  advance(1s);
  BOOST_TEST(told("SuccessfulRescale",
                  "New size: 3; reason: Current number of replicas below Spec.MinReplicas"));
  patch("horizontalpodautoscalers.autoscaling", "web", "{spec: {minReplicas: 1, maxReplicas: 2}}");
  settle();
  BOOST_TEST(replicas() == 2);
  advance(15s);
  BOOST_TEST(condition("ScalingLimited") == "True TooManyReplicas: the desired replica count is "
                                            "more than the maximum replica count");
}

BOOST_AUTO_TEST_CASE(says_why_it_cannot_tell) {
  create_web(1, "{memory: 100Mi}");
  create_hpa(utilization);
  BOOST_TEST(condition("ScalingActive") ==
             "False FailedGetResourceMetric: the HPA was unable to compute the replica count: "
             "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics "
             "returned from resource metrics API");
  advance(1min);
  use({50});
  advance(15s);
  BOOST_TEST(condition("ScalingActive") ==
             "False FailedGetResourceMetric: the HPA was unable to compute the replica count: "
             "failed to get cpu utilization: missing request for cpu in container main of Pod "
             "web-0");
  advance(1s);
  BOOST_TEST(told("FailedComputeMetricsReplicas",
                  "invalid metrics (1 invalid out of 1), first error is: failed to get cpu "
                  "resource metric value: failed to get cpu utilization: missing request for cpu "
                  "in container main of Pod web-0"));
  BOOST_TEST(replicas() == 1);
}

BOOST_AUTO_TEST_CASE(says_when_there_is_nothing_to_scale) {
  create_hpa(utilization);
  BOOST_TEST(condition("AbleToScale") ==
             "False FailedGetScale: the HPA controller was unable to get the target's current "
             "scale: deployments.apps \"web\" not found");
  create_web(0);
  advance(15s);
  BOOST_TEST(condition("ScalingActive") == "False ScalingDisabled: scaling is disabled since the "
                                           "replica count of the target is zero");
}

BOOST_AUTO_TEST_CASE(measures_memory_and_single_containers) {
  create_web(2);
  advance(1min);
  use({10, 10}, 200 << 20);
  create_hpa(", metrics: [{type: ContainerResource, containerResource: {name: memory, container: "
             "main, target: {type: AverageValue, averageValue: 100Mi}}}]");
  BOOST_TEST(replicas() == 4);
  const auto s = hpa().status.current_metrics;
  BOOST_REQUIRE(s.size() == 1);
  BOOST_TEST(s[0].container_resource->current.average_value == "209715200");
  patch("horizontalpodautoscalers.autoscaling", "web",
        "{spec: {metrics: [{type: ContainerResource, containerResource: {name: cpu, container: "
        "none, target: {type: Utilization, averageUtilization: 50}}}]}}");
  settle();
  BOOST_TEST(condition("ScalingActive") ==
             "False FailedGetContainerResourceMetric: the HPA was unable to compute the replica "
             "count: failed to get cpu utilization: unable to get metrics for resource cpu: "
             "container none not present in metrics for pod default/web-0");
}

BOOST_AUTO_TEST_CASE(counts_starting_pods_as_idle) {
  create_web(2);
  advance(6min);
  create("{apiVersion: v1, kind: Pod, metadata: {name: web-2, labels: {app: web}}, spec: "
         "{containers: [{name: main, image: web, resources: {requests: {cpu: 100m}}}]}}");
  patch("deployments.apps", "web", "{spec: {replicas: 3}}");
  use({100, 100}); // 200 % of the target, but with the pending pod 133 %
  create_hpa(utilization);
  BOOST_TEST(replicas() == 4);
}

BOOST_AUTO_TEST_CASE(follows_policies) {
  create_web(2);
  advance(1min);
  use({500, 500});
  create_hpa(std::string{utilization} + ", behavior: {scaleUp: {policies: [{type: Pods, value: 1, "
                                        "periodSeconds: 60}]}}");
  BOOST_TEST(replicas() == 3);
  BOOST_TEST(condition("ScalingLimited") == "True ScaleUpLimit: the desired replica count is "
                                            "increasing faster than the maximum scale rate");
  advance(45s);
  BOOST_TEST(replicas() == 3);
  advance(30s);
  BOOST_TEST(replicas() == 4);
  patch("horizontalpodautoscalers.autoscaling", "web",
        "{spec: {behavior: {scaleUp: {selectPolicy: Disabled}}}}");
  advance(5min);
  BOOST_TEST(replicas() == 4);
}

BOOST_AUTO_TEST_CASE(refuses_pods_that_two_autoscalers_want) {
  create_web(1);
  create_hpa(utilization);
  create("{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: other}, "
         "spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, maxReplicas: "
         "5}}");
  advance(15s);
  BOOST_TEST(condition("ScalingActive") ==
             "False AmbiguousSelector: pods by selector app=web are controlled by multiple HPAs: "
             "[default/other default/web]");
}

BOOST_AUTO_TEST_CASE(needs_somebody_to_measure_other_metrics) {
  create_web(1);
  create_hpa(", metrics: [{type: Pods, pods: {metric: {name: rps}, target: {type: AverageValue, "
             "averageValue: '10'}}}, {type: External, external: {metric: {name: queue}, target: "
             "{type: Value, value: '10'}}}]");
  BOOST_TEST(condition("ScalingActive") ==
             "False FailedGetPodsMetric: the HPA was unable to compute the replica count: unable "
             "to get metric rps: unable to fetch metrics from custom metrics API: no custom "
             "metrics API (custom.metrics.k8s.io) registered");
  advance(1s);
  BOOST_TEST(told("FailedGetExternalMetric",
                  "unable to get external metric default/queue/nil: unable to fetch metrics from "
                  "external metrics API: the server could not find the requested resource (get "
                  "queue.external.metrics.k8s.io)"));
}

BOOST_AUTO_TEST_CASE(follows_what_others_measure) {
  create_web(2);
  advance(6min);
  source->answers["custom.metrics.k8s.io/namespaces/default/pods/*/rps?labelSelector=app%3Dweb"] =
      R"({"items":[{"describedObject":{"name":"web-0"},"value":"15"},)"
      R"({"describedObject":{"name":"web-1"},"value":"25500m"}]})";
  create_hpa(", metrics: [{type: Pods, pods: {metric: {name: rps}, target: {type: AverageValue, "
             "averageValue: '10'}}}]");
  BOOST_TEST(replicas() == 2);
  advance(1s);
  BOOST_TEST(replicas() == 4); // 20250m of 10 call for 5, twice as many may be added at once
  BOOST_REQUIRE(hpa().status.current_metrics.size() == 1);
  BOOST_TEST(hpa().status.current_metrics[0].pods->current.average_value == "20250m");
  source->answers["external.metrics.k8s.io/namespaces/default/queue?labelSelector=q%3Da"] =
      R"({"items":[{"value":"30"},{"value":"40"}]})";
  patch("horizontalpodautoscalers.autoscaling", "web",
        "{spec: {metrics: [{type: External, external: {metric: {name: queue, selector: "
        "{matchLabels: {q: a}}}, target: {type: AverageValue, averageValue: '10'}}}]}}");
  advance(1s);
  BOOST_TEST(replicas() == 7);
  BOOST_TEST(condition("ScalingActive") ==
             "True ValidMetricFound: the HPA was able to successfully calculate a replica count "
             "from external metric queue(q=a)");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(autoscaler_pace)

BOOST_AUTO_TEST_CASE(goes_down_by_policies) {
  autoscaler hpa;
  hpa.spec.max_replicas = 100;
  auto& down = hpa.spec.behavior.ensure().scale_down.ensure();
  down.stabilization_window_seconds = 0;
  down.policies.resize(2);
  down.policies[0].type = "Percent";
  down.policies[0].value = 10;
  down.policies[0].period_seconds = 60;
  down.policies[1].type = "Pods";
  down.policies[1].value = 4;
  down.policies[1].period_seconds = 60;
  actors::autoscaling::memory past;
  const actors::wall_time now{std::chrono::hours{1000}};
  BOOST_TEST(actors::autoscaling::hold(hpa, past, 80, 10, now).replicas == 72);
  BOOST_TEST(actors::autoscaling::hold(hpa, past, 20, 10, now).replicas == 16);
  down.select_policy = "Min";
  BOOST_TEST(actors::autoscaling::hold(hpa, past, 80, 10, now).replicas == 76);
  actors::autoscaling::remember_change(hpa, past, 80, 76, now);
  BOOST_TEST(actors::autoscaling::hold(hpa, past, 76, 10, now + 30s).replicas == 76);
  BOOST_TEST(actors::autoscaling::hold(hpa, past, 76, 10, now + 61s).replicas == 72);
}

BOOST_AUTO_TEST_CASE(waits_before_it_goes_up_when_told_to) {
  autoscaler hpa;
  hpa.spec.max_replicas = 100;
  hpa.spec.behavior.ensure().scale_up.ensure().stabilization_window_seconds = 60;
  actors::autoscaling::memory past;
  const actors::wall_time now{std::chrono::hours{1000}};
  past.recommendations.push_back({now - 30s, 2, false});
  const auto held = actors::autoscaling::hold(hpa, past, 2, 6, now);
  BOOST_TEST(held.replicas == 2);
  BOOST_TEST(held.able_to_scale.reason == "ScaleUpStabilized");
  BOOST_TEST(actors::autoscaling::hold(hpa, past, 2, 6, now + 31s).replicas == 6);
}

BOOST_AUTO_TEST_SUITE_END()
