#include "actors/controllers/deployment.hpp"
#include "actors/controllers/event_expiry.hpp"
#include "actors/controllers/garbage_collector.hpp"
#include "actors/controllers/namespace_content.hpp"
#include "actors/controllers/namespace_defaults.hpp"
#include "actors/controllers/pod_garbage.hpp"
#include "actors/controllers/replication.hpp"
#include "actors/pods.hpp"
#include "api/generated/core_v1_config.hpp"
#include "api/generated/core_v1_event.hpp"
#include "api/generated/core_v1_namespace.hpp"

using namespace thespis;
using namespace thespis::test;
using api::propagation;

namespace {

struct garbage_fixture : cluster_fixture {
  explicit garbage_fixture(fixture_options o = {}) : cluster_fixture(o) {
    run_controller([] { return actors::make_garbage_collector(); });
  }

  std::string make(const std::string& name, const std::string& owners = "",
                   const std::string& ns = "default") {
    return create("{apiVersion: v1, kind: ConfigMap, metadata: {name: " + name + ", namespace: " +
                  ns + (owners.empty() ? "" : ", ownerReferences: [" + owners + "]") + "}}")
        ->uid();
  }

  static std::string owner(const std::string& name, const std::string& uid, bool blocks = false) {
    return "{apiVersion: v1, kind: ConfigMap, name: " + name + ", uid: " + uid +
           (blocks ? ", blockOwnerDeletion: true" : "") + "}";
  }

  bool there(const std::string& name) const { return get("configmaps", name) != nullptr; }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(garbage_collector, garbage_fixture)

BOOST_AUTO_TEST_CASE(background_deletion_takes_dependents_down_the_line) {
  const auto a = make("a");
  const auto b = make("b", owner("a", a));
  make("c", owner("b", b));
  settle();
  BOOST_TEST(there("c"));
  remove("configmaps", "a");
  settle();
  BOOST_TEST(!there("b"));
  BOOST_TEST(!there("c"));
}

BOOST_AUTO_TEST_CASE(an_owner_that_never_was_is_gone) {
  make("b", owner("ghost", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"));
  settle();
  BOOST_TEST(!there("b"));
}

BOOST_AUTO_TEST_CASE(an_owner_of_the_same_name_but_another_uid_is_none) {
  make("a");
  make("b", owner("a", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"));
  settle();
  BOOST_TEST(there("a"));
  BOOST_TEST(!there("b"));
}

BOOST_AUTO_TEST_CASE(an_owner_in_another_namespace_is_none) {
  create("{apiVersion: v1, kind: Namespace, metadata: {name: other}}");
  const auto a = make("a", "", "other");
  make("b", owner("a", a));
  settle();
  BOOST_TEST(!there("b"));
}

BOOST_AUTO_TEST_CASE(one_living_owner_is_enough_and_lost_ones_are_forgotten) {
  const auto a = make("a");
  const auto b = make("b");
  make("c", owner("a", a) + ", " + owner("b", b));
  settle();
  remove("configmaps", "a");
  settle();
  BOOST_REQUIRE(there("c"));
  const auto left = get("configmaps", "c")->meta().owners;
  BOOST_REQUIRE(left.size() == 1);
  BOOST_TEST(left.front().uid == b);
}

BOOST_AUTO_TEST_CASE(an_owner_of_an_unknown_kind_protects) {
  make("b", "{apiVersion: example.com/v1, kind: Thing, name: x, uid: "
            "6ba7b810-9dad-41d1-80b4-00c04fd430c8}");
  settle();
  BOOST_TEST(there("b"));
}

BOOST_AUTO_TEST_CASE(orphaning_keeps_dependents_and_cuts_the_tie) {
  const auto a = make("a");
  make("b", owner("a", a));
  settle();
  remove("configmaps", "a", "default", propagation::orphan);
  settle();
  BOOST_TEST(!there("a"));
  BOOST_REQUIRE(there("b"));
  BOOST_TEST(get("configmaps", "b")->meta().owners.empty());
}

BOOST_AUTO_TEST_CASE(foreground_deletion_waits_for_blocking_dependents) {
  const auto a = make("a");
  make("b", owner("a", a, true));
  patch("configmaps", "b", "{metadata: {finalizers: [example.com/hold]}}");
  settle();
  remove("configmaps", "a", "default", propagation::foreground);
  settle();
  BOOST_REQUIRE(there("a"));
  BOOST_TEST(get("configmaps", "a")->meta().deleting);
  BOOST_TEST(get("configmaps", "b")->meta().deleting);
  patch("configmaps", "b", "{metadata: {finalizers: null}}");
  settle();
  BOOST_TEST(!there("b"));
  BOOST_TEST(!there("a"));
}

BOOST_AUTO_TEST_CASE(owners_in_a_circle_do_not_wait_for_one_another) {
  const auto a = make("a");
  const auto b = make("b", owner("a", a, true));
  const auto c = make("c", owner("b", b, true));
  patch("configmaps", "a", "{metadata: {ownerReferences: [" + owner("c", c, true) + "]}}");
  settle();
  remove("configmaps", "a", "default", propagation::foreground);
  settle();
  for (const auto* name : {"a", "b", "c"})
    BOOST_TEST(!there(name));
}

BOOST_AUTO_TEST_CASE(foreground_deletion_does_not_wait_for_others) {
  const auto a = make("a");
  make("b", owner("a", a, false));
  patch("configmaps", "b", "{metadata: {finalizers: [example.com/hold]}}");
  remove("configmaps", "a", "default", propagation::foreground);
  settle();
  BOOST_TEST(!there("a"));
  BOOST_TEST(there("b"));
}

BOOST_AUTO_TEST_CASE(living_owners_are_never_mistaken_in_any_order_of_messages) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    garbage_fixture f{{seed, true, {}}};
    std::string last = f.make("o0");
    for (int i = 1; i < 10; ++i)
      last = f.make("o" + std::to_string(i), owner("o" + std::to_string(i - 1), last));
    f.advance(1min);
    for (int i = 0; i < 10; ++i)
      BOOST_TEST(f.there("o" + std::to_string(i)));
  }
}

BOOST_AUTO_TEST_CASE(deleted_deployment_takes_its_sets_and_pods) {
  run_controller([] { return actors::make_deployment_controller(); });
  run_controller([random = env().random] { return actors::make_replica_set_controller(random); });
  create("{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 2, "
         "selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: "
         "{containers: [{name: main, image: web}]}}}}");
  run_to_rest(*this);
  BOOST_TEST(count("pods") == 2);
  remove("deployments.apps", "web");
  run_to_rest(*this);
  BOOST_TEST(count("replicasets.apps") == 0);
  BOOST_TEST(count("pods") == 0);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(namespace_controller)

BOOST_AUTO_TEST_CASE(empties_the_namespace_and_lets_it_go) {
  cluster_fixture f;
  f.run_controller([] { return actors::make_namespace_controller(); });
  f.create("{apiVersion: v1, kind: Namespace, metadata: {name: team}}");
  f.create("{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: team}}");
  f.create("{apiVersion: v1, kind: Secret, metadata: {name: b, namespace: team}}");
  f.remove("namespaces", "team", "");
  f.settle();
  BOOST_TEST(!f.get("namespaces", "team", ""));
  BOOST_TEST(f.count("configmaps", "team") == 0);
  BOOST_TEST(f.count("secrets", "team") == 0);
}

BOOST_AUTO_TEST_CASE(waits_for_finalizers_and_says_so) {
  cluster_fixture f;
  f.run_controller([] { return actors::make_namespace_controller(); });
  f.create("{apiVersion: v1, kind: Namespace, metadata: {name: team}}");
  f.create("{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: team, finalizers: "
           "[example.com/hold]}}");
  f.remove("namespaces", "team", "");
  f.settle();
  const auto ns = f.get<api::v1::namespace_>("team", "");
  BOOST_TEST(ns.status.phase == "Terminating");
  std::map<std::string, std::string> said;
  for (const auto& c : ns.status.conditions)
    said[c.type] = c.status + " " + c.message;
  BOOST_TEST(said["NamespaceContentRemaining"] ==
             "True Some resources are remaining: configmaps. has 1 resource instances");
  BOOST_TEST(said["NamespaceFinalizersRemaining"] ==
             "True Some content in the namespace has finalizers remaining: example.com/hold in 1 "
             "resource instances");
  BOOST_TEST(said["NamespaceDeletionContentFailure"] ==
             "False All content successfully deleted, may be waiting on finalization");
  f.patch("configmaps", "a", "{metadata: {finalizers: null}}", {}, "team");
  f.settle();
  BOOST_TEST(!f.get("namespaces", "team", ""));
}

/// Other servers as a script: what is left, and whether they have answered.
struct scripted_content final : actors::foreign_content {
  answer clear(const std::string& ns) override {
    asked.push_back(ns);
    return now;
  }
  answer now;
  std::vector<std::string> asked;
};

BOOST_AUTO_TEST_CASE(waits_for_what_other_servers_keep) {
  cluster_fixture f;
  const auto elsewhere = std::make_shared<scripted_content>();
  f.run_controller([&] { return actors::make_namespace_controller({nullptr, elsewhere}); });
  f.create("{apiVersion: v1, kind: Namespace, metadata: {name: team}}");
  f.settle();
  BOOST_TEST(elsewhere->asked.empty());
  f.remove("namespaces", "team", "");
  f.settle();
  BOOST_TEST((elsewhere->asked == std::vector<std::string>{"team"}));
  const auto said = [&](const std::string& type) {
    for (const auto& c : f.get<api::v1::namespace_>("team", "").status.conditions)
      if (c.type == type)
        return c.status + " " + c.reason + " " + c.message;
    return std::string{};
  };
  BOOST_TEST(said("NamespaceContentRemaining") == "");
  elsewhere->now = {true, {{{"fishes.sea.example.com", 2}}, {{"sea.example.com/net", 1}}, {}, {}}};
  f.advance(1s);
  BOOST_TEST(said("NamespaceContentRemaining") ==
             "True SomeResourcesRemain Some resources are remaining: fishes.sea.example.com has 2 "
             "resource instances");
  BOOST_TEST(said("NamespaceFinalizersRemaining") ==
             "True SomeFinalizersRemain Some content in the namespace has finalizers remaining: "
             "sea.example.com/net in 1 resource instances");
  elsewhere->now = {true,
                    {{},
                     {},
                     {"sea.example.com/v1: stale GroupVersion discovery: sea.example.com/v1"},
                     {"DELETE /apis/x: 500"}}};
  f.advance(10s);
  BOOST_TEST(said("NamespaceDeletionDiscoveryFailure") ==
             "True DiscoveryFailed Discovery failed for some groups, 1 failing: unable to retrieve "
             "the complete list of server APIs: sea.example.com/v1: stale GroupVersion discovery: "
             "sea.example.com/v1");
  BOOST_TEST(said("NamespaceDeletionContentFailure") ==
             "True ContentDeletionFailed Failed to delete all resource types, 1 remaining: DELETE "
             "/apis/x: 500");
  BOOST_TEST(said("NamespaceContentRemaining") ==
             "False ContentRemoved All content successfully removed");
  elsewhere->now = {true, {}};
  f.advance(10s);
  BOOST_TEST(!f.get("namespaces", "team", ""));
}

BOOST_AUTO_TEST_CASE(survives_controllers_that_make_new_content) {
  cluster_fixture f;
  f.run_controller([] { return actors::make_namespace_controller(); });
  f.run_controller([] { return actors::make_namespace_defaults({"PEM"}); });
  f.run_controller(
      [random = f.env().random] { return actors::make_replica_set_controller(random); });
  f.create("{apiVersion: v1, kind: Namespace, metadata: {name: team}}");
  f.create("{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web, namespace: team}, spec: "
           "{replicas: 4, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: "
           "web}}, spec: {containers: [{name: main, image: web}]}}}}");
  run_to_rest(f, "team");
  BOOST_TEST(f.count("pods", "team") == 4);
  f.remove("namespaces", "team", "");
  run_to_rest(f, "team");
  f.advance(1min);
  BOOST_TEST(!f.get("namespaces", "team", ""));
  BOOST_TEST(f.count("pods", "team") == 0);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(namespace_defaults)

BOOST_AUTO_TEST_CASE(account_and_certificate_are_there_and_come_back) {
  cluster_fixture f;
  f.run_controller([] { return actors::make_namespace_defaults({"PEM"}); });
  BOOST_TEST(f.get("serviceaccounts", "default"));
  BOOST_TEST(f.get<api::v1::config_map>("kube-root-ca.crt").data.at("ca.crt") == "PEM");
  f.remove("serviceaccounts", "default");
  f.patch("configmaps", "kube-root-ca.crt", "{data: {ca.crt: forged}}");
  f.settle();
  BOOST_TEST(f.get("serviceaccounts", "default"));
  BOOST_TEST(f.get<api::v1::config_map>("kube-root-ca.crt").data.at("ca.crt") == "PEM");
}

BOOST_AUTO_TEST_CASE(without_a_certificate_there_is_only_the_account) {
  cluster_fixture f;
  f.run_controller([] { return actors::make_namespace_defaults(); });
  BOOST_TEST(f.get("serviceaccounts", "default"));
  BOOST_TEST(f.count("configmaps") == 0);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(event_expiry)

BOOST_AUTO_TEST_CASE(events_live_for_an_hour_after_they_last_happened) {
  cluster_fixture f;
  f.run_controller([] { return actors::make_event_expiry(); });
  for (const auto* name : {"once", "again"})
    f.create("{apiVersion: v1, kind: Event, metadata: {name: " + std::string{name} +
             "}, involvedObject: {kind: Pod, name: x, namespace: default}, reason: Test, type: "
             "Normal, lastTimestamp: \"" +
             f.timestamp() + "\"}");
  f.advance(50min);
  f.patch("events", "again", "{count: 2, lastTimestamp: \"" + f.timestamp() + "\"}");
  f.advance(11min);
  BOOST_TEST(!f.get("events", "once"));
  BOOST_TEST(f.get("events", "again"));
  f.advance(50min);
  BOOST_TEST(!f.get("events", "again"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pod_garbage)

namespace {

void make_pod(cluster_fixture& f, const std::string& name) {
  f.create("{apiVersion: v1, kind: Pod, metadata: {name: " + name +
           "}, spec: {containers: [{name: main, image: web}]}}");
}

} // namespace

BOOST_AUTO_TEST_CASE(pods_of_a_gone_node_go_after_the_quarantine) {
  cluster_fixture f;
  f.run_controller([] { return actors::make_pod_garbage_collector(); });
  f.create("{apiVersion: v1, kind: Node, metadata: {name: node-1}}");
  make_pod(f, "a");
  run_pod(f, f.get<api::v1::pod>("a"));
  f.advance(10min);
  BOOST_TEST(f.get("pods", "a"));
  f.remove("nodes", "node-1", "");
  f.advance(30s);
  BOOST_TEST(f.get("pods", "a"));
  f.advance(15s);
  BOOST_TEST(!f.get("pods", "a"));
}

BOOST_AUTO_TEST_CASE(a_node_that_comes_back_keeps_its_pods) {
  cluster_fixture f;
  f.run_controller([] { return actors::make_pod_garbage_collector(); });
  f.create("{apiVersion: v1, kind: Node, metadata: {name: node-1}}");
  make_pod(f, "a");
  run_pod(f, f.get<api::v1::pod>("a"));
  f.remove("nodes", "node-1", "");
  f.advance(30s);
  f.create("{apiVersion: v1, kind: Node, metadata: {name: node-1}}");
  f.advance(10min);
  BOOST_TEST(f.get("pods", "a"));
}

BOOST_AUTO_TEST_CASE(pods_that_end_on_a_node_that_is_off_go_at_once) {
  cluster_fixture f;
  f.run_controller([] { return actors::make_pod_garbage_collector(); });
  f.create("{apiVersion: v1, kind: Node, metadata: {name: node-1}}");
  for (const auto* name : {"a", "b"}) {
    make_pod(f, name);
    run_pod(f, f.get<api::v1::pod>(name));
  }
  f.remove("pods", "a");
  f.advance(1min);
  BOOST_TEST(f.get("pods", "a"));
  f.patch("nodes", "node-1",
          "{spec: {taints: [{key: node.kubernetes.io/out-of-service, value: nodeshutdown, effect: "
          "NoExecute}]}}",
          {}, "");
  f.advance(1s);
  BOOST_TEST(!f.get("pods", "a"));
  BOOST_TEST(f.get("pods", "b"));
  f.patch("nodes", "node-1", "{status: {conditions: [{type: Ready, status: 'True'}]}}", "status",
          "");
  f.remove("pods", "b");
  f.advance(1min);
  BOOST_TEST(f.get("pods", "b")); // it runs, and says itself when they have ended
}

BOOST_AUTO_TEST_CASE(of_too_many_finished_pods_the_oldest_go) {
  cluster_fixture f;
  f.run_controller([] { return actors::make_pod_garbage_collector({40s, 2}); });
  f.create("{apiVersion: v1, kind: Node, metadata: {name: node-1}}");
  for (const auto* name : {"a", "b", "c", "d"}) {
    make_pod(f, name);
    f.advance(1s);
  }
  for (const auto* name : {"a", "b", "c"})
    f.patch("pods", name, "{status: {phase: Succeeded}}", "status");
  f.settle();
  BOOST_TEST(!f.get("pods", "a"));
  BOOST_TEST(f.get("pods", "b"));
  BOOST_TEST(f.get("pods", "d"));
}

BOOST_AUTO_TEST_CASE(more_events_than_fit_a_batch_expire_together) {
  cluster_fixture f;
  f.run_controller([] { return actors::make_event_expiry(); });
  const auto stamp = f.timestamp();
  for (int i = 0; i < 600; ++i)
    f.create("{apiVersion: v1, kind: Event, metadata: {name: e" + std::to_string(i) +
             "}, involvedObject: {kind: Pod, name: x, namespace: default}, reason: Test, type: "
             "Normal, lastTimestamp: \"" +
             stamp + "\"}");
  f.advance(59min);
  BOOST_TEST(f.count("events") == 600);
  f.advance(2min);
  BOOST_TEST(f.count("events") == 0);
}

BOOST_AUTO_TEST_CASE(events_that_are_old_when_the_controller_starts_expire_at_once) {
  cluster_fixture f;
  f.create("{apiVersion: v1, kind: Event, metadata: {name: old}, involvedObject: {kind: Pod, name: "
           "x, namespace: default}, reason: Test, type: Normal, lastTimestamp: \"" +
           f.timestamp() + "\"}");
  f.advance(2h);
  f.run_controller([] { return actors::make_event_expiry(); });
  BOOST_TEST(f.count("events") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
