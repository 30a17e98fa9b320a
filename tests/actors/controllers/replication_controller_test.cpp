#include "actors/controllers/replication.hpp"
#include "actors/pods.hpp"
#include "api/generated/apps_v1.hpp"
#include "api/generated/core_v1_controller.hpp"
#include "api/generated/core_v1_event.hpp"

using namespace thespis;
using namespace thespis::test;
using api::v1::replica_set;

namespace {

constexpr const char* set_of_three = R"(
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: web}]}
)";

struct replication_fixture : cluster_fixture {
  replication_fixture() {
    run_controller([random = env().random] { return actors::make_replica_set_controller(random); });
    run_controller([random = env().random] { return actors::make_replication_controller(random); });
  }

  size_t events(std::string_view reason) const {
    size_t res = 0;
    for (const auto& e : list<api::v1::event>())
      res += e.reason == reason;
    return res;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(replication_controllers, replication_fixture)

BOOST_AUTO_TEST_CASE(makes_exactly_as_many_pods_as_wanted) {
  create(set_of_three);
  settle();
  const auto pods = list<api::v1::pod>();
  BOOST_REQUIRE(pods.size() == 3);
  for (const auto& p : pods) {
    BOOST_TEST(p.metadata.generate_name == "web-");
    BOOST_TEST(p.metadata.owner_references.front().uid == get<replica_set>("web").metadata.uid);
    BOOST_TEST(*p.metadata.owner_references.front().controller);
  }
  BOOST_TEST(events("SuccessfulCreate") == 3);
  run_to_rest(*this);
  const auto s = get<replica_set>("web").status;
  BOOST_TEST(s.replicas == 3);
  BOOST_TEST(s.ready_replicas.value_or(0) == 3);
  BOOST_TEST(s.fully_labeled_replicas.value_or(0) == 3);
}

BOOST_AUTO_TEST_CASE(replaces_a_deleted_pod_at_once) {
  create(set_of_three);
  run_to_rest(*this);
  const auto victim = list<api::v1::pod>().front().metadata.name;
  remove("pods", victim);
  settle();
  // Its successor does not wait for it to end.
  BOOST_TEST(count("pods") == 4);
  run_to_rest(*this);
  BOOST_TEST(count("pods") == 3);
  BOOST_TEST(!get("pods", victim));
}

BOOST_AUTO_TEST_CASE(removes_pods_that_are_not_ready_first) {
  create(set_of_three);
  settle();
  const auto pods = list<api::v1::pod>();
  run_pod(*this, pods[0]);
  run_pod(*this, pods[1], false);
  run_pod(*this, pods[2]);
  settle();
  patch("replicasets.apps", "web", "{spec: {replicas: 2}}");
  settle();
  BOOST_TEST(get<api::v1::pod>(pods[1].metadata.name).metadata.deletion_timestamp != "");
  BOOST_TEST(get<api::v1::pod>(pods[0].metadata.name).metadata.deletion_timestamp == "");
}

BOOST_AUTO_TEST_CASE(adopts_matching_orphans_and_lets_strangers_go) {
  create("{apiVersion: v1, kind: Pod, metadata: {name: orphan, labels: {app: web}}, spec: "
         "{containers: [{name: main, image: web}]}}");
  create(set_of_three);
  settle();
  BOOST_TEST(count("pods") == 3);
  BOOST_TEST(get<api::v1::pod>("orphan").metadata.owner_references.size() == 1);
  patch("pods", "orphan", "{metadata: {labels: {app: other}}}");
  settle();
  BOOST_TEST(get<api::v1::pod>("orphan").metadata.owner_references.empty());
  BOOST_TEST(count("pods") == 4);
}

BOOST_AUTO_TEST_CASE(failed_creation_is_told_and_heals) {
  // Nothing new is created in a namespace that ends.
  create(R"({apiVersion: v1, kind: Namespace, metadata: {name: ending, finalizers: [a.b/c]}})");
  api::call c;
  c.verb = api::verb::create;
  auto doc = parse(set_of_three);
  api::json::set(api::json::ensure_object(doc, "metadata", doc.GetAllocator()), "namespace",
                 "ending", doc.GetAllocator());
  c.resource = "replicasets.apps";
  c.ns = "ending";
  c.body = api::json::to_string(doc);
  must(c);
  remove("namespaces", "ending", "");
  const auto first = list<api::v1::pod>("ending").front();
  remove("pods", first.metadata.name, "ending", api::propagation::background, 0);
  advance(10s);
  const auto s = get<replica_set>("web", "ending");
  BOOST_REQUIRE(s.status.conditions.size() == 1);
  BOOST_TEST(s.status.conditions[0].type == "ReplicaFailure");
  BOOST_TEST(s.status.conditions[0].reason == "FailedCreate");
  BOOST_TEST(s.status.conditions[0].status == "True");
  patch("replicasets.apps", "web", "{spec: {replicas: 2}}", {}, "ending");
  settle();
  BOOST_TEST(get<replica_set>("web", "ending").status.conditions.empty());
}

BOOST_AUTO_TEST_CASE(replication_controller_keeps_its_pods) {
  create("{apiVersion: v1, kind: ReplicationController, metadata: {name: old}, spec: {replicas: 2, "
         "selector: {app: old}, template: {metadata: {labels: {app: old}}, spec: {containers: "
         "[{name: main, image: web}]}}}}");
  run_to_rest(*this);
  BOOST_TEST(count("pods") == 2);
  BOOST_TEST(get<api::v1::replication_controller>("old").status.ready_replicas.value_or(0) == 2);
}

BOOST_AUTO_TEST_SUITE_END()
