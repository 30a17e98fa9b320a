// PodDisruptionBudgets on the virtual clock, with the evictions that ask them.
#include "actors/controllers/deployment.hpp"
#include "actors/controllers/disruption.hpp"
#include "actors/controllers/replication.hpp"
#include "actors/pods.hpp"
#include "api/generated/policy_v1.hpp"

using namespace thespis;
using namespace thespis::test;

namespace {

struct budgets : cluster_fixture {
  budgets() {
    run_controller([] { return actors::make_disruption_controller(); });
    run_controller([random = env().random] { return actors::make_replica_set_controller(random); });
  }

  void replicas(int n) {
    create("{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web}, spec: {replicas: " +
           std::to_string(n) +
           ", selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, "
           "spec: {containers: [{name: c, image: i}]}}}}");
    settle();
    run_to_rest(*this);
  }

  void budget(const std::string& spec) {
    create("{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b}, spec: {" +
           spec + ", selector: {matchLabels: {app: web}}}}");
    settle();
  }

  /// allowed, healthy, desired, expected
  std::string status() {
    settle();
    const auto s = get<api::v1::pod_disruption_budget>("b").status;
    return std::to_string(s.disruptions_allowed) + " " + std::to_string(s.current_healthy) + " " +
           std::to_string(s.desired_healthy) + " " + std::to_string(s.expected_pods);
  }
  std::string condition() {
    const auto s = get<api::v1::pod_disruption_budget>("b").status;
    return s.conditions.empty() ? "" : s.conditions[0].status + " " + s.conditions[0].reason;
  }

  runtime::call_outcome evict(const std::string& name) {
    api::call c;
    c.verb = api::verb::create;
    c.resource = "pods";
    c.ns = "default";
    c.name = name;
    c.subresource = "eviction";
    c.body = R"({"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":")" + name + "\"}}";
    return send(std::move(c));
  }
  /// Why the pod is disrupted.
  std::string disruption_of(const std::string& name) {
    for (const auto& c : get<api::v1::pod>(name).status.conditions)
      if (c.type == "DisruptionTarget" && c.status == "True")
        return c.reason + ": " + c.message;
    return {};
  }
  std::vector<std::string> names() {
    std::vector<std::string> res;
    for (const auto& p : list<api::v1::pod>())
      res.push_back(p.metadata.name);
    return res;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(disruption_budgets, budgets)

BOOST_AUTO_TEST_CASE(count_ready_pods_against_what_must_stay) {
  replicas(3);
  budget("minAvailable: 2");
  BOOST_TEST(status() == "1 3 2 3");
  BOOST_TEST(condition() == "True SufficientPods");
  run_pod(*this, list<api::v1::pod>()[0], false);
  BOOST_TEST(status() == "0 2 2 3");
  BOOST_TEST(condition() == "False InsufficientPods");
}

BOOST_AUTO_TEST_CASE(take_shares_of_the_workloads_scale) {
  replicas(5);
  budget("maxUnavailable: 30%");
  BOOST_TEST(status() == "2 5 3 5"); // 1.5 is rounded up
  patch("replicasets.apps", "web", "{spec: {replicas: 10}}");
  settle();
  BOOST_TEST(status() == "0 5 7 10");
  run_to_rest(*this);
  BOOST_TEST(status() == "3 10 7 10");
}

BOOST_AUTO_TEST_CASE(allow_nothing_without_pods_or_without_their_workload) {
  budget("minAvailable: 1");
  BOOST_TEST(status() == "0 0 1 0");
  replicas(1);
  patch("poddisruptionbudgets.policy", "b", "{spec: {minAvailable: 0%}}");
  BOOST_TEST(status() == "1 1 0 1");
  create("{apiVersion: v1, kind: Pod, metadata: {name: lost, labels: {app: web}, ownerReferences: "
         "[{apiVersion: batch/v1, kind: Job, name: j, uid: u, controller: true}]}, spec: "
         "{containers: [{name: c, image: i}]}}");
  BOOST_TEST(status().substr(0, 1) == "0");
  BOOST_TEST(condition() == "False SyncFailed");
}

BOOST_AUTO_TEST_CASE(let_go_as_many_pods_as_they_allow) {
  replicas(3);
  budget("minAvailable: 2");
  const auto all = names();
  BOOST_TEST(evict(all[0]).ok);
  BOOST_TEST(get<api::v1::pod>(all[0]).metadata.deletion_timestamp != "");
  BOOST_TEST(disruption_of(all[0]) == "EvictionByEvictionAPI: Eviction API: evicting");
  const auto second = evict(all[1]);
  BOOST_TEST(!second.ok);
  BOOST_TEST((second.failure.why == api::reason::too_many_requests));
  BOOST_TEST(get<api::v1::pod>(all[1]).metadata.deletion_timestamp == "");
  // Once another is ready in its place, the next may go.
  run_to_rest(*this);
  BOOST_TEST(status() == "1 3 2 3");
  BOOST_TEST(evict(all[1]).ok);
}

BOOST_AUTO_TEST_CASE(pods_without_a_budget_say_too_that_they_were_evicted) {
  replicas(1);
  const auto name = names()[0];
  BOOST_TEST(evict(name).ok);
  BOOST_TEST(disruption_of(name) == "EvictionByEvictionAPI: Eviction API: evicting");
}

BOOST_AUTO_TEST_CASE(forget_an_eviction_that_does_not_happen_after_two_minutes) {
  replicas(2);
  budget("minAvailable: 1");
  const auto all = names();
  patch("poddisruptionbudgets.policy", "b",
        "{status: {disruptedPods: {" + all[0] + ": \"" + timestamp() + "\"}}}", "status");
  BOOST_TEST(status() == "0 1 1 2");
  advance(110s);
  BOOST_TEST(status() == "0 1 1 2");
  advance(15s);
  BOOST_TEST(status() == "1 2 1 2");
  BOOST_TEST(get<api::v1::pod_disruption_budget>("b").status.disrupted_pods.empty());
}

BOOST_AUTO_TEST_CASE(follow_a_deployments_scale_not_its_sets) {
  run_controller([] { return actors::make_deployment_controller(); });
  create("{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 4, "
         "selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: "
         "{containers: [{name: c, image: i}]}}}}");
  settle();
  run_to_rest(*this);
  budget("maxUnavailable: 1");
  BOOST_TEST(status() == "1 4 3 4");
}

BOOST_AUTO_TEST_SUITE_END()
