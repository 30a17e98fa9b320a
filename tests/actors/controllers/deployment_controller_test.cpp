#include "actors/controllers/deployment.hpp"
#include "actors/controllers/deployment_model.hpp"
#include "actors/controllers/pods_of.hpp"
#include "actors/controllers/replication.hpp"
#include "actors/pods.hpp"
#include "api/generated/apps_v1.hpp"
#include "api/generated/core_v1_event.hpp"

using namespace thespis;
using namespace thespis::test;
using api::v1::deployment;
using api::v1::replica_set;

namespace {

constexpr const char* web = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}, annotations: {team: blue}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "web:1"}]}
)";

struct deployment_fixture : cluster_fixture {
  explicit deployment_fixture(fixture_options o = {}) : cluster_fixture(o) {
    run_controller([] { return actors::make_deployment_controller(); });
    run_controller([random = env().random] { return actors::make_replica_set_controller(random); });
  }

  deployment web_now() const { return get<deployment>("web"); }

  replica_set set_of(const std::string& image) const {
    for (const auto& s : list<replica_set>())
      if (s.spec.template_.spec.containers.front().image == image)
        return s;
    BOOST_FAIL("no set for " << image);
    return {};
  }

  void set_image(const std::string& image) {
    patch("deployments.apps", "web",
          R"({spec: {template: {spec: {containers: [{name: main, image: ")" + image + R"("}]}}}})");
  }

  std::string condition(std::string_view type) const {
    const auto d = web_now();
    for (const auto& c : d.status.conditions)
      if (c.type == type)
        return c.status + " " + c.reason + ": " + c.message;
    return {};
  }

  bool has_event(std::string_view reason, std::string_view message) const {
    for (const auto& e : list<api::v1::event>())
      if (e.reason == reason && e.message == message)
        return true;
    return false;
  }

  int32_t ready_pods() const {
    int32_t res = 0;
    for (const auto& p : list<api::v1::pod>())
      res += p.metadata.deletion_timestamp.empty() && actors::is_ready(p);
    return res;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(deployment_controller, deployment_fixture)

BOOST_AUTO_TEST_CASE(makes_one_replica_set_with_hash_owner_and_revision) {
  create(web);
  settle();
  const auto s = set_of("web:1");
  const auto hash = s.metadata.labels.at("pod-template-hash");
  BOOST_TEST(s.metadata.name == "web-" + hash);
  BOOST_TEST(hash.find_first_not_of("bcdfghjklmnpqrstvwxz2456789") == std::string::npos);
  BOOST_TEST(s.spec.selector.match_labels.at("pod-template-hash") == hash);
  BOOST_TEST(s.spec.template_.metadata.labels.at("pod-template-hash") == hash);
  BOOST_TEST(s.metadata.owner_references.front().uid == web_now().metadata.uid);
  BOOST_TEST(s.metadata.annotations.at("deployment.kubernetes.io/revision") == "1");
  BOOST_TEST(s.metadata.annotations.at("deployment.kubernetes.io/desired-replicas") == "3");
  BOOST_TEST(s.metadata.annotations.at("deployment.kubernetes.io/max-replicas") == "4");
  BOOST_TEST(s.metadata.annotations.at("team") == "blue");
  BOOST_TEST(web_now().metadata.annotations.at("deployment.kubernetes.io/revision") == "1");
  BOOST_TEST(count("replicasets.apps") == 1);
  BOOST_TEST(count("pods") == 3);
  BOOST_TEST(
      has_event("ScalingReplicaSet", "Scaled up replica set " + s.metadata.name + " from 0 to 3"));
}

BOOST_AUTO_TEST_CASE(tells_availability_and_progress_as_kubernetes_does) {
  create(web);
  settle();
  BOOST_TEST(condition("Available") ==
             "False MinimumReplicasUnavailable: Deployment does not have minimum availability.");
  run_to_rest(*this);
  const auto name = set_of("web:1").metadata.name;
  BOOST_TEST(condition("Available") ==
             "True MinimumReplicasAvailable: Deployment has minimum availability.");
  BOOST_TEST(condition("Progressing") == "True NewReplicaSetAvailable: ReplicaSet \"" + name +
                                             "\" has successfully progressed.");
  const auto d = web_now();
  BOOST_TEST(d.status.replicas.value_or(0) == 3);
  BOOST_TEST(d.status.updated_replicas.value_or(0) == 3);
  BOOST_TEST(d.status.ready_replicas.value_or(0) == 3);
  BOOST_TEST(d.status.available_replicas.value_or(0) == 3);
  BOOST_TEST(!d.status.unavailable_replicas);
  BOOST_TEST(*d.status.observed_generation == *d.metadata.generation);
}

BOOST_AUTO_TEST_CASE(comes_to_rest_and_writes_nothing_more) {
  create(web);
  run_to_rest(*this);
  advance(20min);
  const auto before = state().revision();
  advance(60min);
  BOOST_TEST(state().revision() == before);
}

BOOST_AUTO_TEST_CASE(rolls_without_falling_below_minimum_or_above_maximum) {
  create(web);
  run_to_rest(*this);
  set_image("web:2");
  for (int i = 0; i < 60; ++i) {
    // 25 % of 3 rounds to one more and none fewer.
    BOOST_TEST(ready_pods() >= 3);
    int32_t live = 0;
    for (const auto& p : list<api::v1::pod>())
      live += p.metadata.deletion_timestamp.empty();
    BOOST_TEST(live <= 4);
    run_pods(*this);
    advance(1s);
  }
  BOOST_TEST(*set_of("web:1").spec.replicas == 0);
  BOOST_TEST(*set_of("web:2").spec.replicas == 3);
  BOOST_TEST(web_now().metadata.annotations.at("deployment.kubernetes.io/revision") == "2");
  BOOST_TEST(web_now().status.updated_replicas.value_or(0) == 3);
}

BOOST_AUTO_TEST_CASE(rollback_gives_the_old_set_the_newest_revision) {
  create(web);
  run_to_rest(*this);
  const auto first = set_of("web:1").metadata.name;
  set_image("web:2");
  run_to_rest(*this);
  set_image("web:1");
  run_to_rest(*this);
  const auto s = set_of("web:1");
  BOOST_TEST(s.metadata.name == first);
  BOOST_TEST(s.metadata.annotations.at("deployment.kubernetes.io/revision") == "3");
  BOOST_TEST(s.metadata.annotations.at("deployment.kubernetes.io/revision-history") == "1");
  BOOST_TEST(*s.spec.replicas == 3);
  BOOST_TEST(*set_of("web:2").spec.replicas == 0);
  BOOST_TEST(count("replicasets.apps") == 2);
}

BOOST_AUTO_TEST_CASE(recreate_ends_all_old_pods_before_it_makes_new_ones) {
  create(web);
  run_to_rest(*this);
  patch("deployments.apps", "web", "{spec: {strategy: {type: Recreate, rollingUpdate: null}}}");
  settle();
  set_image("web:2");
  settle();
  BOOST_TEST(*set_of("web:1").spec.replicas == 0);
  // The pods are on a node, so they take their time to end.
  BOOST_TEST(count("pods") == 3);
  advance(10s);
  BOOST_TEST(count("replicasets.apps") == 1);
  run_to_rest(*this);
  BOOST_TEST(*set_of("web:2").spec.replicas == 3);
  BOOST_TEST(count("pods") == 3);
}

BOOST_AUTO_TEST_CASE(keeps_as_many_old_sets_as_the_history_limit_says) {
  create(web);
  patch("deployments.apps", "web", "{spec: {revisionHistoryLimit: 2}}");
  run_to_rest(*this);
  for (const auto* image : {"web:2", "web:3", "web:4", "web:5"}) {
    set_image(image);
    run_to_rest(*this);
  }
  BOOST_TEST(count("replicasets.apps") == 3);
  for (const auto& s : list<replica_set>())
    BOOST_TEST(s.spec.template_.spec.containers.front().image > "web:2");
}

BOOST_AUTO_TEST_CASE(paused_deployment_scales_but_does_not_roll) {
  create(web);
  run_to_rest(*this);
  patch("deployments.apps", "web", "{spec: {paused: true}}");
  settle();
  BOOST_TEST(condition("Progressing") == "Unknown DeploymentPaused: Deployment is paused");
  set_image("web:2");
  settle();
  BOOST_TEST(count("replicasets.apps") == 1);
  patch("deployments.apps", "web", "{spec: {replicas: 5}}");
  settle();
  BOOST_TEST(*set_of("web:1").spec.replicas == 5);
  patch("deployments.apps", "web", "{spec: {paused: false}}");
  run_to_rest(*this);
  BOOST_TEST(*set_of("web:2").spec.replicas == 5);
  BOOST_TEST(condition("Progressing").rfind("True NewReplicaSetAvailable", 0) == 0);
}

BOOST_AUTO_TEST_CASE(scales_up_and_down_with_events) {
  create(web);
  run_to_rest(*this);
  const auto name = set_of("web:1").metadata.name;
  patch("deployments.apps", "web", "{spec: {replicas: 5}}");
  run_to_rest(*this);
  BOOST_TEST(count("pods") == 5);
  BOOST_TEST(has_event("ScalingReplicaSet", "Scaled up replica set " + name + " from 3 to 5"));
  patch("deployments.apps", "web", "{spec: {replicas: 1}}");
  run_to_rest(*this);
  BOOST_TEST(count("pods") == 1);
  BOOST_TEST(has_event("ScalingReplicaSet", "Scaled down replica set " + name + " from 5 to 1"));
  BOOST_TEST(set_of("web:1").metadata.annotations.at("deployment.kubernetes.io/max-replicas") ==
             "2");
}

BOOST_AUTO_TEST_CASE(scaling_amid_a_rollout_keeps_the_sets_proportions) {
  create(web);
  patch("deployments.apps", "web",
        "{spec: {replicas: 10, strategy: {rollingUpdate: {maxSurge: 3, maxUnavailable: 2}}}}");
  run_to_rest(*this);
  set_image("web:bad"); // its pods never become ready
  settle();
  BOOST_TEST(*set_of("web:1").spec.replicas == 8);
  BOOST_TEST(*set_of("web:bad").spec.replicas == 5);
  patch("deployments.apps", "web", "{spec: {replicas: 15}}");
  settle();
  BOOST_TEST(*set_of("web:1").spec.replicas == 11);
  BOOST_TEST(*set_of("web:bad").spec.replicas == 7);
}

BOOST_AUTO_TEST_CASE(missing_progress_is_told_after_the_deadline) {
  create(web);
  patch("deployments.apps", "web", "{spec: {progressDeadlineSeconds: 60}}");
  settle();
  const auto name = set_of("web:1").metadata.name;
  advance(50s);
  BOOST_TEST(condition("Progressing").rfind("True", 0) == 0);
  advance(20s);
  BOOST_TEST(condition("Progressing") == "False ProgressDeadlineExceeded: ReplicaSet \"" + name +
                                             "\" has timed out progressing.");
  run_to_rest(*this);
  BOOST_TEST(condition("Progressing").rfind("True NewReplicaSetAvailable", 0) == 0);
}

BOOST_AUTO_TEST_CASE(pods_count_as_available_after_min_ready_seconds) {
  create(web);
  patch("deployments.apps", "web", "{spec: {minReadySeconds: 30}}");
  settle();
  run_pods(*this);
  advance(20s);
  BOOST_TEST(web_now().status.ready_replicas.value_or(0) == 3);
  BOOST_TEST(!web_now().status.available_replicas);
  advance(15s);
  BOOST_TEST(web_now().status.available_replicas.value_or(0) == 3);
}

BOOST_AUTO_TEST_CASE(adopts_an_orphan_of_the_same_template) {
  create(web);
  run_to_rest(*this);
  const auto name = set_of("web:1").metadata.name;
  patch("replicasets.apps", name, "{metadata: {ownerReferences: null}}");
  settle();
  const auto s = set_of("web:1");
  BOOST_REQUIRE(s.metadata.owner_references.size() == 1);
  BOOST_TEST(s.metadata.owner_references.front().uid == web_now().metadata.uid);
  BOOST_TEST(count("replicasets.apps") == 1);
}

BOOST_AUTO_TEST_CASE(takes_another_name_when_the_hash_collides) {
  create(web);
  settle();
  const auto s = set_of("web:1");
  BOOST_TEST(!web_now().status.collision_count);
  remove("deployments.apps", "web");
  // The same name and template, but somebody else's: its owner is gone.
  create(web);
  settle();
  BOOST_TEST(web_now().status.collision_count.value_or(0) == 1);
  BOOST_TEST(count("replicasets.apps") == 2);
}

BOOST_AUTO_TEST_CASE(same_result_in_any_order_of_messages) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    deployment_fixture f{{seed, true, {}}};
    f.create(web);
    run_to_rest(f);
    f.set_image("web:2");
    run_to_rest(f);
    BOOST_TEST(f.count("pods") == 3);
    BOOST_TEST(*f.set_of("web:2").spec.replicas == 3);
    BOOST_TEST(*f.set_of("web:1").spec.replicas == 0);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(deployment_model)

BOOST_AUTO_TEST_CASE(percentages_round_as_kubernetes_rounds) {
  deployment d;
  auto& rolling = d.spec.strategy.emplace().rolling_update.emplace();
  rolling.max_surge = api::int_or_string{"25%"};
  rolling.max_unavailable = api::int_or_string{"25%"};
  const auto at = [&](int32_t replicas) {
    d.spec.replicas = replicas;
    return std::pair{actors::deployments::max_surge(d), actors::deployments::max_unavailable(d)};
  };
  BOOST_TEST((at(10) == std::pair{3, 2}));
  BOOST_TEST((at(3) == std::pair{1, 0}));
  BOOST_TEST((at(1) == std::pair{1, 0}));
  BOOST_TEST((at(4) == std::pair{1, 1}));
  rolling.max_surge = api::int_or_string{0};
  rolling.max_unavailable = api::int_or_string{"1%"};
  // Something must be able to move.
  BOOST_TEST((at(10) == std::pair{0, 1}));
}

BOOST_AUTO_TEST_CASE(collisions_change_the_hash) {
  api::v1::pod_template_spec t;
  t.metadata.labels["app"] = "web";
  using actors::deployments::template_hash;
  BOOST_TEST(template_hash(t, {}) == template_hash(t, {}));
  BOOST_TEST(template_hash(t, {}) != template_hash(t, 1));
  BOOST_TEST(template_hash(t, 1) != template_hash(t, 2));
}

BOOST_AUTO_TEST_SUITE_END()
