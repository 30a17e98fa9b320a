// Claims and volumes find each other, alone and with the scheduler, and part again.
#include "actors/controllers/volume_binder.hpp"

#include "actors/scheduler/scheduler_actor.hpp"
#include "api/generated/core_v1_event.hpp"
#include "api/generated/core_v1_node.hpp"
#include "api/generated/core_v1_persistent_volume.hpp"
#include "api/generated/core_v1_pod.hpp"
#include "api/generated/core_v1_volume_claim.hpp"
#include "tests/actors/fixture.hpp"

using namespace thespis;
using namespace thespis::test;

namespace {

struct storage : cluster_fixture {
  std::vector<std::string> removed;
  actors::folder_removal removal;

  storage() {
    run_controller([this] {
      return actors::make_volume_binder(
          {"/data/storage", [this](const std::string& node, const std::string& path) {
             removed.push_back(node + ":" + path);
             return removal;
           }});
    });
    run_controller([] { return actors::make_ephemeral_volume_controller(); });
  }
  void schedule() {
    spawn<actors::scheduler_actor>(actors::scheduler_deps{env()});
    settle();
  }
  void node(const std::string& name) {
    create("{apiVersion: v1, kind: Node, metadata: {name: " + name +
           ", labels: {kubernetes.io/hostname: " + name +
           "}, annotations: {node.thespis.dev/storage: /data/storage}}}");
    patch("nodes", name, "{status: {allocatable: {cpu: '4', memory: 8Gi, pods: '110'}}}", "status",
          "");
  }
  void storage_class(const std::string& name, const std::string& provisioner,
                     const std::string& mode, bool standard = false) {
    create("{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: " + name +
           ", annotations: {storageclass.kubernetes.io/is-default-class: '" +
           (standard ? "true" : "false") + "'}}, provisioner: " + provisioner +
           ", reclaimPolicy: Delete, volumeBindingMode: " + mode + "}");
    settle();
  }
  void volume(const std::string& name, const std::string& size, const std::string& more = {},
              const std::string& labels = "{}") {
    create("{apiVersion: v1, kind: PersistentVolume, metadata: {name: " + name + ", labels: " +
           labels + "}, spec: {accessModes: [ReadWriteOnce], capacity: {storage: " + size +
           "}, hostPath: {path: /x}" + more + "}}");
    settle();
  }
  void claim(const std::string& name, const std::string& size,
             const std::string& more = ", storageClassName: ''") {
    create("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: " + name +
           "}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: " + size +
           "}}" + more + "}}");
    settle();
  }
  void pod(const std::string& name, const std::string& volume) {
    create("{apiVersion: v1, kind: Pod, metadata: {name: " + name +
           "}, spec: {containers: [{name: c, image: i}], volumes: [{name: d, " + volume + "}]}}");
    settle();
  }
  std::string volume_of(const std::string& c) {
    return get<api::v1::persistent_volume_claim>(c).spec.volume_name;
  }
  std::string phase_of(const std::string& c) {
    return get<api::v1::persistent_volume_claim>(c).status.phase;
  }
  std::string volume_phase(const std::string& v) {
    return get<api::v1::persistent_volume>(v, "").status.phase;
  }
  std::string node_of(const std::string& p) { return get<api::v1::pod>(p).spec.node_name; }
  std::string told(const std::string& about, const std::string& reason) {
    for (const auto& e : list<api::v1::event>())
      if (e.involved_object.name == about && e.reason == reason)
        return e.message;
    return {};
  }
  std::string why_not(const std::string& pod) {
    for (const auto& c : get<api::v1::pod>(pod).status.conditions)
      if (c.type == "PodScheduled")
        return c.message;
    return {};
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(volume_binder, storage)

BOOST_AUTO_TEST_CASE(the_smallest_volume_that_is_large_enough_is_bound) {
  volume("small", "1Gi");
  volume("big", "10Gi");
  volume("fitting", "3Gi");
  BOOST_TEST(volume_phase("big") == "Available");
  claim("c", "2Gi");
  BOOST_TEST(volume_of("c") == "fitting");
  BOOST_TEST(phase_of("c") == "Bound");
  BOOST_TEST(volume_phase("fitting") == "Bound");
  const auto c = get<api::v1::persistent_volume_claim>("c");
  BOOST_TEST(c.status.capacity.at("storage") == "3Gi");
  BOOST_TEST(c.metadata.annotations.at("pv.kubernetes.io/bind-completed") == "yes");
  const auto v = get<api::v1::persistent_volume>("fitting", "");
  BOOST_TEST(v.spec.claim_ref->uid == c.metadata.uid);
  BOOST_TEST(volume_phase("small") == "Available");
}

BOOST_AUTO_TEST_CASE(a_claim_waits_for_a_volume_of_its_labels_mode_and_size) {
  volume("plain", "5Gi");
  claim("c", "1Gi", ", storageClassName: '', selector: {matchLabels: {disk: ssd}}");
  claim("m", "1Gi", ", storageClassName: '', volumeMode: Block");
  BOOST_TEST(phase_of("c") == "Pending");
  BOOST_TEST(phase_of("m") == "Pending");
  BOOST_TEST(told("c", "FailedBinding") ==
             "no persistent volumes available for this claim and no storage class is set");
  volume("fast", "5Gi", "", "{disk: ssd}");
  BOOST_TEST(volume_of("c") == "fast");
  BOOST_TEST(volume_phase("plain") == "Available");
}

BOOST_AUTO_TEST_CASE(two_claims_never_share_a_volume) {
  claim("a", "1Gi");
  claim("b", "1Gi");
  volume("v", "1Gi");
  BOOST_TEST((phase_of("a") == "Bound") != (phase_of("b") == "Bound"));
}

BOOST_AUTO_TEST_CASE(a_volume_may_be_asked_for_by_name_or_reserved) {
  volume("v", "1Gi");
  volume("w", "1Gi", ", claimRef: {namespace: default, name: b}");
  claim("a", "5Gi", ", storageClassName: '', volumeName: v");
  BOOST_TEST(phase_of("a") == "Pending");
  BOOST_TEST(told("a", "VolumeMismatch") ==
             "Cannot bind to requested volume \"v\": requested PV is too small");
  claim("other", "1Gi", ", storageClassName: '', volumeName: w");
  BOOST_TEST(told("other", "FailedBinding") == "volume \"w\" already bound to a different claim.");
  claim("b", "1Gi");
  BOOST_TEST(volume_of("b") == "w");
}

BOOST_AUTO_TEST_CASE(a_retained_volume_is_released_and_free_again_when_its_claim_ref_goes) {
  volume("v", "1Gi");
  claim("a", "1Gi");
  BOOST_TEST(phase_of("a") == "Bound");
  patch("persistentvolumeclaims", "a", "{metadata: {finalizers: null}}");
  remove("persistentvolumeclaims", "a");
  settle();
  BOOST_TEST(volume_phase("v") == "Released");
  claim("b", "1Gi");
  BOOST_TEST(phase_of("b") == "Pending");
  patch("persistentvolumes", "v", "{spec: {claimRef: null}}", "", "");
  settle();
  BOOST_TEST(volume_of("b") == "v");
}

BOOST_AUTO_TEST_CASE(a_claim_whose_volume_vanishes_is_lost) {
  volume("v", "1Gi");
  claim("a", "1Gi");
  patch("persistentvolumes", "v", "{metadata: {finalizers: null}}", "", "");
  remove("persistentvolumes", "v", "");
  settle();
  BOOST_TEST(phase_of("a") == "Lost");
  BOOST_TEST(told("a", "ClaimLost") ==
             "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
}

BOOST_AUTO_TEST_CASE(a_default_class_that_comes_late_is_given_to_waiting_claims) {
  claim("none", "1Gi", "");
  claim("explicit", "1Gi");
  storage_class("standard", "example.com/disks", "Immediate", true);
  BOOST_TEST(get<api::v1::persistent_volume_claim>("none").spec.storage_class_name == "standard");
  BOOST_TEST(get<api::v1::persistent_volume_claim>("explicit").spec.storage_class_name == "");
  BOOST_TEST(
      told("none", "ExternalProvisioning").starts_with("Waiting for a volume to be created"));
}

BOOST_AUTO_TEST_CASE(local_path_volumes_are_made_where_the_pod_goes_and_removed_with_their_claim) {
  node("n1");
  storage_class("local-path", actors::local_path_provisioner, "WaitForFirstConsumer");
  schedule();
  claim("data", "1Gi", ", storageClassName: local-path");
  BOOST_TEST(phase_of("data") == "Pending");
  BOOST_TEST(told("data", "WaitForFirstConsumer") ==
             "waiting for first consumer to be created before binding");
  pod("p", "persistentVolumeClaim: {claimName: data}");
  advance(3s);
  BOOST_TEST(node_of("p") == "n1");
  BOOST_TEST(phase_of("data") == "Bound");
  const auto name = volume_of("data");
  const auto v = get<api::v1::persistent_volume>(name, "");
  BOOST_TEST(v.spec.host_path->path == "/data/storage/" + name + "_default_data");
  BOOST_TEST(told("data", "ProvisioningSucceeded") == "Successfully provisioned volume " + name);
  // The next pod with it goes to the same node.
  node("n2");
  removal = {actors::folder_removal::step::under_way};
  patch("nodes", "n1", "{spec: {unschedulable: true}}", "", "");
  pod("q", "persistentVolumeClaim: {claimName: data}");
  BOOST_TEST(why_not("q").starts_with(
      "0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 1 "
      "node(s) were unschedulable."));
  patch("persistentvolumeclaims", "data", "{metadata: {finalizers: null}}");
  patch("persistentvolumes", name, "{metadata: {finalizers: null}}", "", "");
  remove("persistentvolumeclaims", "data");
  settle();
  // It is there as long as its folder: the machine may be away.
  BOOST_TEST(get<api::v1::persistent_volume>(name, "").status.phase == "Released");
  removal = {};
  advance(3s);
  BOOST_TEST(get("persistentvolumes", name, "") == nullptr);
  BOOST_REQUIRE(!removed.empty());
  BOOST_TEST(removed.front() == "n1:/data/storage/" + name + "_default_data");
}

BOOST_AUTO_TEST_CASE(
    local_path_volumes_are_where_their_node_says_and_fail_if_it_refuses_to_remove) {
  node("n1");
  patch("nodes", "n1", "{metadata: {annotations: {node.thespis.dev/storage: /other/place}}}", "",
        "");
  storage_class("local-path", actors::local_path_provisioner, "WaitForFirstConsumer");
  schedule();
  claim("data", "1Gi", ", storageClassName: local-path");
  pod("p", "persistentVolumeClaim: {claimName: data}");
  advance(3s);
  const auto name = volume_of("data");
  BOOST_TEST(get<api::v1::persistent_volume>(name, "").spec.host_path->path ==
             "/other/place/" + name + "_default_data");
  removal = {actors::folder_removal::step::refused, "no"};
  patch("persistentvolumeclaims", "data", "{metadata: {finalizers: null}}");
  patch("persistentvolumes", name, "{metadata: {finalizers: null}}", "", "");
  remove("persistentvolumeclaims", "data");
  advance(3s);
  const auto v = get<api::v1::persistent_volume>(name, "");
  BOOST_TEST(v.status.phase == "Failed");
  BOOST_TEST(v.status.message == "no");
}

BOOST_AUTO_TEST_CASE(a_waiting_volume_of_a_node_leads_the_pod_there) {
  node("n1");
  node("n2");
  storage_class("late", "kubernetes.io/no-provisioner", "WaitForFirstConsumer");
  volume("v", "1Gi",
         ", storageClassName: late, nodeAffinity: {required: {nodeSelectorTerms: "
         "[{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [n2]}]}]}}");
  schedule();
  claim("c", "1Gi", ", storageClassName: late");
  BOOST_TEST(phase_of("c") == "Pending");
  pod("p", "persistentVolumeClaim: {claimName: c}");
  pod("q", "persistentVolumeClaim: {claimName: gone}");
  advance(3s);
  BOOST_TEST(node_of("p") == "n2");
  BOOST_TEST(volume_of("c") == "v");
  BOOST_TEST(why_not("q") == "0/2 nodes are available: persistentvolumeclaim \"gone\" not found. "
                             "preemption: 0/2 nodes are available: 2 Preemption is not helpful for "
                             "scheduling.");
  claim("more", "1Gi", ", storageClassName: late");
  pod("r", "persistentVolumeClaim: {claimName: more}");
  BOOST_TEST(why_not("r").starts_with("0/2 nodes are available: 2 node(s) didn't find available "
                                      "persistent volumes to bind."));
}

BOOST_AUTO_TEST_CASE(pods_wait_for_claims_that_are_bound_without_them) {
  node("n1");
  schedule();
  claim("c", "1Gi");
  pod("p", "persistentVolumeClaim: {claimName: c}");
  BOOST_TEST(why_not("p").starts_with(
      "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: "));
  volume("v", "1Gi");
  advance(3s);
  BOOST_TEST(node_of("p") == "n1");
}

BOOST_AUTO_TEST_CASE(ephemeral_volumes_are_claims_of_their_pod) {
  node("n1");
  storage_class("local-path", actors::local_path_provisioner, "WaitForFirstConsumer");
  schedule();
  pod("p",
      "ephemeral: {volumeClaimTemplate: {metadata: {labels: {a: b}}, spec: {accessModes: "
      "[ReadWriteOnce], storageClassName: local-path, resources: {requests: {storage: 1Gi}}}}}");
  advance(3s);
  const auto c = get<api::v1::persistent_volume_claim>("p-d");
  BOOST_TEST(c.metadata.owner_references.front().name == "p");
  BOOST_TEST(c.metadata.labels.at("a") == "b");
  BOOST_TEST(c.status.phase == "Bound");
  BOOST_TEST(node_of("p") == "n1");
}

BOOST_AUTO_TEST_SUITE_END()
