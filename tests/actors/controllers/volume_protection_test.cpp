#include "actors/controllers/volume_protection.hpp"

#include "actors/pods.hpp"

using namespace thespis;
using namespace thespis::test;

namespace {

struct protection_fixture : cluster_fixture {
  protection_fixture() {
    run_controller([] { return actors::make_claim_protection(); });
    run_controller([] { return actors::make_volume_protection(); });
    create("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: v, namespace: default}, "
           "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}");
  }
  void pod() {
    create(
        "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: default}, spec: {containers: "
        "[{name: c, image: i}], volumes: [{name: d, persistentVolumeClaim: {claimName: v}}]}}");
  }
  bool there() { return get("persistentvolumeclaims", "v") != nullptr; }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(volume_protection, protection_fixture)

BOOST_AUTO_TEST_CASE(unused_claims_go_at_once) {
  remove("persistentvolumeclaims", "v");
  settle();
  BOOST_TEST(!there());
}

BOOST_AUTO_TEST_CASE(used_claims_stay_until_their_pod_is_gone) {
  pod();
  run_pod(*this, list<api::v1::pod>().front());
  remove("persistentvolumeclaims", "v");
  settle();
  BOOST_TEST(there());
  remove("pods", "p");
  run_pods(*this);
  settle();
  BOOST_TEST(!there());
}

BOOST_AUTO_TEST_CASE(claims_of_pods_without_a_node_go) {
  pod();
  remove("persistentvolumeclaims", "v");
  settle();
  BOOST_TEST(!there());
}

BOOST_AUTO_TEST_CASE(bound_volumes_stay_until_they_are_free) {
  create("{apiVersion: v1, kind: PersistentVolume, metadata: {name: w}, spec: {accessModes: "
         "[ReadWriteOnce], capacity: {storage: 1Gi}, hostPath: {path: /x}}}");
  patch("persistentvolumes", "w", "{status: {phase: Bound}}", "status", "");
  remove("persistentvolumes", "w", "");
  settle();
  BOOST_TEST(get("persistentvolumes", "w", "") != nullptr);
  patch("persistentvolumes", "w", "{status: {phase: Released}}", "status", "");
  settle();
  BOOST_TEST(get("persistentvolumes", "w", "") == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
