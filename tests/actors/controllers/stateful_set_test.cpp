#include "actors/controllers/stateful_set.hpp"
#include "actors/pods.hpp"
#include "api/generated/apps_v1.hpp"

using namespace thespis;
using namespace thespis::test;
using api::v1::pod;
using api::v1::stateful_set;

namespace {

struct stateful_fixture : cluster_fixture {
  stateful_fixture() {
    run_controller([] { return actors::make_stateful_set_controller(); });
  }

  void make_set(int replicas, const std::string& spec = "") {
    create("{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {replicas: " +
           std::to_string(replicas) + ", serviceName: db, " + spec +
           "selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: "
           "{containers: [{name: main, image: v1}]}}}}");
    settle();
  }
  void set_image(const std::string& image) {
    patch("statefulsets.apps", "db",
          "{spec: {template: {spec: {containers: [{name: main, image: " + image + "}]}}}}");
    settle();
  }
  void scale(int n) {
    patch("statefulsets.apps", "db", "{spec: {replicas: " + std::to_string(n) + "}}");
    settle();
  }
  void start(const std::string& name, bool ready = true) {
    run_pod(*this, get<pod>(name), ready);
    settle();
  }
  /// Ends those that are being deleted.
  void reap() {
    for (const auto& p : list<pod>())
      if (!p.metadata.deletion_timestamp.empty())
        remove("pods", p.metadata.name, "default", api::propagation::background, 0);
    settle();
  }
  /// As the controller that protects claims would, once no pod uses it.
  void remove_claim(const std::string& name) {
    patch("persistentvolumeclaims", name, "{metadata: {finalizers: null}}");
    remove("persistentvolumeclaims", name);
  }
  /// Names of the pods that are not ending, with their images.
  std::string pods() const {
    std::string res;
    for (const auto& p : list<pod>())
      if (p.metadata.deletion_timestamp.empty())
        res += (res.empty() ? "" : " ") + p.metadata.name + ":" + p.spec.containers[0].image;
    return res;
  }
  std::string ending() const {
    std::string res;
    for (const auto& p : list<pod>())
      if (!p.metadata.deletion_timestamp.empty())
        res += (res.empty() ? "" : " ") + p.metadata.name;
    return res;
  }
  api::v1::stateful_set_status status() const { return get<stateful_set>("db").status; }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(stateful_set_controller, stateful_fixture)

BOOST_AUTO_TEST_CASE(starts_one_after_another_with_lasting_names) {
  make_set(3);
  BOOST_TEST(pods() == "db-0:v1");
  const auto first = get<pod>("db-0");
  BOOST_TEST(first.spec.hostname == "db-0");
  BOOST_TEST(first.spec.subdomain == "db");
  BOOST_TEST(first.metadata.labels.at("statefulset.kubernetes.io/pod-name") == "db-0");
  BOOST_TEST(first.metadata.labels.at("apps.kubernetes.io/pod-index") == "0");
  BOOST_TEST(first.metadata.labels.at("controller-revision-hash") == status().update_revision);
  start("db-0", false);
  BOOST_TEST(pods() == "db-0:v1");
  start("db-0");
  BOOST_TEST(pods() == "db-0:v1 db-1:v1");
  start("db-1");
  start("db-2");
  BOOST_TEST(status().ready_replicas.value_or(0) == 3);
  BOOST_TEST(status().available_replicas.value_or(0) == 3);
  BOOST_TEST(status().current_revision == status().update_revision);
}

BOOST_AUTO_TEST_CASE(starts_all_at_once_when_parallel) {
  make_set(3, "podManagementPolicy: Parallel, ");
  BOOST_TEST(pods() == "db-0:v1 db-1:v1 db-2:v1");
  scale(1);
  BOOST_TEST(pods() == "db-0:v1");
}

BOOST_AUTO_TEST_CASE(ends_the_highest_first_and_halts_at_the_ill) {
  make_set(3);
  for (const auto* name : {"db-0", "db-1", "db-2"})
    start(name);
  // The kubelet's word: two are ill.
  start("db-0", false);
  start("db-2", false);
  scale(0);
  BOOST_TEST(ending() == "");
  start("db-0");
  BOOST_TEST(ending() == "db-2");
  reap();
  BOOST_TEST(ending() == "db-1");
  reap();
  reap();
  BOOST_TEST(count("pods") == 0);
}

BOOST_AUTO_TEST_CASE(replaces_a_pod_under_its_name) {
  make_set(2);
  start("db-0");
  start("db-1");
  const auto uid = get<pod>("db-0").metadata.uid;
  remove("pods", "db-0");
  settle();
  BOOST_TEST(pods() == "db-1:v1"); // not before the old one is gone
  reap();
  BOOST_TEST(get<pod>("db-0").metadata.uid != uid);
  start("db-0");
  const auto failed = get<pod>("db-1").metadata.uid;
  patch("pods", "db-1", "{status: {phase: Failed}}", "status");
  settle();
  BOOST_TEST(get<pod>("db-1").metadata.uid != failed);
}

BOOST_AUTO_TEST_CASE(rolls_from_the_highest_number_down) {
  make_set(3);
  for (const auto* name : {"db-0", "db-1", "db-2"})
    start(name);
  const auto before = status().current_revision;
  set_image("v2");
  BOOST_TEST(ending() == "db-2");
  reap();
  BOOST_TEST(pods() == "db-0:v1 db-1:v1 db-2:v2");
  BOOST_TEST(ending() == "");
  BOOST_TEST(status().current_revision == before);
  start("db-2");
  BOOST_TEST(ending() == "db-1");
  reap();
  start("db-1");
  reap();
  start("db-0");
  BOOST_TEST(pods() == "db-0:v2 db-1:v2 db-2:v2");
  BOOST_TEST(status().current_revision == status().update_revision);
  BOOST_TEST(status().current_revision != before);
  BOOST_TEST(status().updated_replicas.value_or(0) == 3);
}

BOOST_AUTO_TEST_CASE(keeps_the_current_version_below_the_partition) {
  make_set(3, "updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}, ");
  for (const auto* name : {"db-0", "db-1", "db-2"})
    start(name);
  set_image("v2");
  reap();
  start("db-2");
  BOOST_TEST(pods() == "db-0:v1 db-1:v1 db-2:v2");
  BOOST_TEST(ending() == "");
  // A canary's neighbour that dies comes back as it was.
  remove("pods", "db-0");
  reap();
  BOOST_TEST(pods() == "db-0:v1 db-1:v1 db-2:v2");
  BOOST_TEST(status().current_revision != status().update_revision);
}

BOOST_AUTO_TEST_CASE(a_broken_version_stops_and_going_back_needs_no_hand) {
  make_set(2, "podManagementPolicy: Parallel, ");
  start("db-0");
  start("db-1");
  set_image("v2");
  reap();
  start("db-1", false);
  BOOST_TEST(ending() == "");
  BOOST_TEST(pods() == "db-0:v1 db-1:v2");
  set_image("v1");
  BOOST_TEST(ending() == "db-1");
  reap();
  start("db-1");
  BOOST_TEST(pods() == "db-0:v1 db-1:v1");
  BOOST_TEST(count("controllerrevisions.apps") == 2);
}

BOOST_AUTO_TEST_CASE(on_delete_waits_for_the_pod_to_go) {
  make_set(2, "updateStrategy: {type: OnDelete}, ");
  start("db-0");
  start("db-1");
  set_image("v2");
  BOOST_TEST(ending() == "");
  remove("pods", "db-0");
  reap();
  BOOST_TEST(pods() == "db-0:v2 db-1:v1");
}

BOOST_AUTO_TEST_CASE(gives_each_pod_claims_that_stay) {
  make_set(2, "volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: "
              "[ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}], ");
  start("db-0");
  start("db-1");
  BOOST_TEST(count("persistentvolumeclaims") == 2);
  const auto p = get<pod>("db-1");
  BOOST_TEST(p.spec.volumes.front().persistent_volume_claim->claim_name == "data-db-1");
  const auto claim = get<api::v1::persistent_volume_claim>("data-db-1");
  BOOST_TEST(claim.metadata.labels.at("app") == "db");
  BOOST_TEST(claim.metadata.owner_references.empty());
  scale(0);
  reap();
  reap();
  BOOST_TEST(count("persistentvolumeclaims") == 2);
}

BOOST_AUTO_TEST_CASE(claims_go_with_their_pod_when_asked) {
  make_set(1, "persistentVolumeClaimRetentionPolicy: {whenScaled: Delete, whenDeleted: Delete}, "
              "volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: "
              "[ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}], ");
  start("db-0");
  const auto owners = [&] {
    return get<api::v1::persistent_volume_claim>("data-db-0").metadata.owner_references;
  };
  BOOST_REQUIRE(owners().size() == 1);
  BOOST_TEST(owners()[0].kind == "StatefulSet");
  // With one more owner the claim would outlive the pod.
  scale(0);
  BOOST_REQUIRE(owners().size() == 1);
  BOOST_TEST(owners()[0].kind == "Pod");
  BOOST_TEST(owners()[0].uid == get<pod>("db-0").metadata.uid);
  // Scaled up again, the new pod waits until the old one's claim is gone.
  scale(1);
  reap();
  BOOST_TEST(pods() == "");
  remove_claim("data-db-0");
  settle();
  BOOST_TEST(pods() == "db-0:v1");
  BOOST_REQUIRE(owners().size() == 1);
  BOOST_TEST(owners()[0].kind == "StatefulSet");
}

BOOST_AUTO_TEST_CASE(claims_follow_a_change_of_the_policy) {
  make_set(1, "volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: "
              "[ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}], ");
  start("db-0");
  const auto owners = [&] {
    return get<api::v1::persistent_volume_claim>("data-db-0").metadata.owner_references;
  };
  BOOST_TEST(owners().empty());
  const auto retain = [&](const std::string& deleted) {
    patch("statefulsets.apps", "db",
          "{spec: {persistentVolumeClaimRetentionPolicy: {whenDeleted: " + deleted + "}}}");
    settle();
  };
  retain("Delete");
  BOOST_REQUIRE(owners().size() == 1);
  BOOST_TEST(owners()[0].kind == "StatefulSet");
  retain("Retain");
  BOOST_TEST(owners().empty());
}

BOOST_AUTO_TEST_CASE(a_pod_that_waits_gets_a_missing_claim) {
  make_set(1, "volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: "
              "[ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}], ");
  remove_claim("data-db-0");
  settle();
  BOOST_TEST(count("persistentvolumeclaims") == 1);
}

BOOST_AUTO_TEST_CASE(counts_from_the_first_ordinal) {
  make_set(2, "ordinals: {start: 5}, ");
  start("db-5");
  BOOST_TEST(pods() == "db-5:v1 db-6:v1");
}

BOOST_AUTO_TEST_CASE(waits_until_a_pod_is_available) {
  make_set(2, "minReadySeconds: 30, ");
  start("db-0");
  BOOST_TEST(pods() == "db-0:v1");
  advance(31s);
  BOOST_TEST(pods() == "db-0:v1 db-1:v1");
}

BOOST_AUTO_TEST_SUITE_END()
