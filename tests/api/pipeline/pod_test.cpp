#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using thespis::api::testing::cluster;
using thespis::api::testing::text_at;

namespace {

struct with_pods : cluster {
  /// A pod named "p" with more members in its spec and its container.
  static std::string pod(const std::string& spec = {}, const std::string& container = {}) {
    return R"({"metadata":{"name":"p"},"spec":{)" + spec +
           R"("containers":[{"name":"c","image":"web:1")" + container + "}]}}";
  }
  object_ptr made(const std::string& spec = {}, const std::string& container = {}) {
    return ok(create("pods", "default", pod(spec, container))).object;
  }
  reply bind(const std::string& node) {
    return create("pods", "default",
                  R"({"metadata":{"name":"p"},"target":{"kind":"Node","name":")" + node + R"("}})",
                  "p", "binding");
  }
};

std::string qos(const object& o) {
  return text_at(o, {"status", "qosClass"});
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(pods, with_pods)

BOOST_AUTO_TEST_CASE(start_pending_with_defaults) {
  auto o = made();
  BOOST_TEST(text_at(*o, {"status", "phase"}) == "Pending");
  BOOST_TEST(text_at(*o, {"metadata", "generation"}) == "1");
  BOOST_TEST(text_at(*o, {"spec", "restartPolicy"}) == "Always");
  BOOST_TEST(text_at(*o, {"spec", "serviceAccountName"}) == "default");
  BOOST_TEST(text_at(*o, {"spec", "priority"}) == "0");
  BOOST_TEST(text_at(*o, {"spec", "preemptionPolicy"}) == "PreemptLowerPriority");
  BOOST_TEST(text_at(*o, {"spec", "terminationGracePeriodSeconds"}) == "30");
  BOOST_TEST(
      text_at(*o, {"spec", "tolerations"}) ==
      R"([{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300},{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}])");
}

BOOST_AUTO_TEST_CASE(ignore_a_status_that_the_client_sends) {
  auto r = ok(create("pods", "default",
                     R"({"metadata":{"name":"p"},"status":{"phase":"Running"},
                         "spec":{"containers":[{"name":"c","image":"i"}]}})"));
  BOOST_TEST(text_at(*r.object, {"status", "phase"}) == "Pending");
}

BOOST_AUTO_TEST_CASE(have_a_class_of_service_by_their_resources) {
  BOOST_TEST(qos(*made()) == "BestEffort");
  ok(remove("pods", "default", "p"));
  BOOST_TEST(qos(*made({}, R"(,"resources":{"requests":{"cpu":"1"}})")) == "Burstable");
  ok(remove("pods", "default", "p"));
  BOOST_TEST(qos(*made({}, R"(,"resources":{"limits":{"cpu":"1","memory":"1Gi"}})")) ==
             "Guaranteed");
}

BOOST_AUTO_TEST_CASE(take_their_priority_from_its_class) {
  auto o = made(R"("priorityClassName":"system-node-critical",)");
  BOOST_TEST(text_at(*o, {"spec", "priority"}) == "2000001000");
  auto r = create("pods", "default", pod(R"("priorityClassName":"nope",)"));
  BOOST_TEST(r.failure.message ==
             "pods \"p\" is forbidden: no PriorityClass with name nope was found");
}

BOOST_AUTO_TEST_CASE(need_the_service_account_they_name) {
  auto r = create("pods", "default", pod(R"("serviceAccountName":"bob",)"));
  BOOST_TEST(r.failure.message == "pods \"p\" is forbidden: error looking up service account "
                                  "default/bob: serviceaccount \"bob\" not found");
  ok(create("serviceaccounts", "default", R"({"metadata":{"name":"bob"}})"));
  BOOST_TEST(made(R"("serviceAccountName":"bob",)") != nullptr);
}

BOOST_AUTO_TEST_CASE(are_bound_once) {
  made();
  auto r = ok(bind("n1"));
  BOOST_TEST(r.created);
  BOOST_TEST(r.body ==
             R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","code":201})");
  auto o = get("pods", "default", "p");
  BOOST_TEST(o->meta().node_name == "n1");
  BOOST_TEST(
      text_at(*o, {"status", "conditions"}).find(R"("type":"PodScheduled","status":"True")") !=
      std::string::npos);
  r = bind("n2");
  BOOST_TEST(http_code(r.failure.why) == 409);
  BOOST_TEST(r.failure.message == "Operation cannot be fulfilled on pods/binding \"p\": pod p is "
                                  "already assigned to node \"n1\"");
}

BOOST_AUTO_TEST_CASE(are_bound_through_the_collection_of_bindings_too) {
  made();
  auto r = ok(create("bindings", "default",
                     R"({"metadata":{"name":"p"},"target":{"kind":"Node","name":"n1"}})"));
  BOOST_TEST(get("pods", "default", "p")->meta().node_name == "n1");
  r = create("bindings", "default", R"({"metadata":{"name":"q"},"target":{"name":"n1"}})");
  BOOST_TEST(r.failure.message == "pods \"q\" not found");
}

BOOST_AUTO_TEST_CASE(leave_at_once_while_no_node_has_them) {
  made();
  BOOST_TEST(ok(remove("pods", "default", "p")).removed);
}

BOOST_AUTO_TEST_CASE(leave_with_grace_once_a_node_has_them) {
  made();
  ok(bind("n1"));
  auto r = ok(remove("pods", "default", "p"));
  BOOST_TEST(!r.removed);
  BOOST_TEST(text_at(*r.object, {"metadata", "deletionTimestamp"}) == "2030-01-02T00:00:30Z");
  BOOST_TEST(text_at(*r.object, {"metadata", "deletionGracePeriodSeconds"}) == "30");
  BOOST_TEST(text_at(*r.object, {"metadata", "generation"}) == "2");
  auto revision = state->last;
  r = ok(remove("pods", "default", "p", R"({"gracePeriodSeconds":60})"));
  BOOST_TEST(state->last == revision);
  r = ok(remove("pods", "default", "p", R"({"gracePeriodSeconds":10})"));
  BOOST_TEST(text_at(*r.object, {"metadata", "deletionTimestamp"}) == "2030-01-02T00:00:10Z");
  r = ok(remove("pods", "default", "p", R"({"gracePeriodSeconds":0})"));
  BOOST_TEST(r.removed);
  BOOST_TEST(get("pods", "default", "p") == nullptr);
}

BOOST_AUTO_TEST_CASE(stay_for_their_finalizers_after_grace) {
  ok(create("pods", "default",
            R"({"metadata":{"name":"p","finalizers":["example.com/x"]},
                "spec":{"containers":[{"name":"c","image":"i"}]}})"));
  auto r = ok(remove("pods", "default", "p"));
  BOOST_TEST(!r.removed);
  BOOST_TEST(text_at(*r.object, {"metadata", "deletionGracePeriodSeconds"}) == "0");
  r = ok(patch("pods", "default", "p", R"({"metadata":{"finalizers":null}})"));
  BOOST_TEST(r.removed);
}

BOOST_AUTO_TEST_CASE(are_evicted_as_they_are_deleted) {
  made();
  ok(bind("n1"));
  auto r = ok(create("pods", "default",
                     R"({"kind":"Eviction","apiVersion":"policy/v1","metadata":{"name":"p"},
                         "deleteOptions":{"gracePeriodSeconds":5}})",
                     "p", "eviction"));
  BOOST_TEST(r.body.find(R"("status":"Success")") != std::string::npos);
  BOOST_TEST(text_at(*get("pods", "default", "p"), {"metadata", "deletionGracePeriodSeconds"}) ==
             "5");
}

BOOST_AUTO_TEST_CASE(are_evicted_only_as_their_budget_allows) {
  const auto evict = [&] {
    return create("pods", "default",
                  R"({"kind":"Eviction","apiVersion":"policy/v1","metadata":{"name":"p"}})", "p",
                  "eviction");
  };
  const auto budget = [&](const std::string& name) {
    ok(create("poddisruptionbudgets.policy", "default",
              R"({"metadata":{"name":")" + name +
                  R"("},"spec":{"minAvailable":1,"selector":{}}})"));
  };
  const auto allow = [&](const std::string& status) {
    ok(patch("poddisruptionbudgets.policy", "default", "b", R"({"status":)" + status + "}",
             patch_kind::json_merge, "status"));
  };
  made();
  ok(patch("pods", "default", "p",
           R"({"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}})",
           patch_kind::strategic_merge, "status"));
  budget("b");
  auto r = evict();
  BOOST_TEST((r.failure.why == reason::too_many_requests));
  BOOST_TEST(r.failure.message ==
             "Cannot evict pod as it would violate the pod's disruption budget.");
  BOOST_REQUIRE(r.failure.causes.size() == 1);
  BOOST_TEST(r.failure.causes[0].reason == "DisruptionBudget");
  BOOST_TEST(r.failure.causes[0].message ==
             "The disruption budget b is still being processed by the server.");
  BOOST_TEST(r.failure.retry_after_seconds == 10);
  allow(R"({"observedGeneration":1,"disruptionsAllowed":0,"currentHealthy":1,"desiredHealthy":1})");
  r = evict();
  BOOST_TEST((r.failure.why == reason::too_many_requests));
  BOOST_TEST(r.failure.causes.at(0).message ==
             "The disruption budget b needs 1 healthy pods and has 1 currently");
  allow(R"({"disruptionsAllowed":1})");
  r = ok(evict());
  BOOST_TEST(r.body.find(R"("status":"Success")") != std::string::npos);
  BOOST_TEST(!get("pods", "default", "p")); // no node has it: it is gone at once
  const auto b = get("poddisruptionbudgets.policy", "default", "b");
  BOOST_TEST(text_at(*b, {"status", "disruptionsAllowed"}) == "0");
  BOOST_TEST(text_at(*b, {"status", "disruptedPods", "p"}) != "");
}

BOOST_AUTO_TEST_CASE(with_two_budgets_are_not_evicted) {
  made();
  ok(patch("pods", "default", "p", R"({"status":{"phase":"Running"}})", patch_kind::strategic_merge,
           "status"));
  for (const auto* name : {"a", "b"})
    ok(create("poddisruptionbudgets.policy", "default",
              R"({"metadata":{"name":")" + std::string{name} +
                  R"("},"spec":{"minAvailable":1,"selector":{}}})"));
  const auto r = create("pods", "default",
                        R"({"kind":"Eviction","apiVersion":"policy/v1","metadata":{"name":"p"}})",
                        "p", "eviction");
  BOOST_TEST(r.failure.message == "This pod has more than one PodDisruptionBudget, which the "
                                  "eviction subresource does not support.");
}

BOOST_AUTO_TEST_CASE(change_their_status_through_its_endpoint_alone) {
  made();
  auto r = ok(patch("pods", "default", "p",
                    R"({"metadata":{"labels":{"a":"b"}},"status":{"phase":"Running"}})"));
  BOOST_TEST(text_at(*r.object, {"status", "phase"}) == "Pending");
  BOOST_TEST(r.object->labels().size() == 1);
  r = ok(patch("pods", "default", "p",
               R"({"spec":{"nodeName":"x"},"status":{"phase":"Running","podIP":"10.0.0.1"}})",
               patch_kind::strategic_merge, "status"));
  BOOST_TEST(text_at(*r.object, {"status", "phase"}) == "Running");
  BOOST_TEST(text_at(*r.object, {"status", "qosClass"}) == "BestEffort");
  BOOST_TEST(text_at(*r.object, {"spec", "nodeName"}) == "");
  BOOST_TEST(text_at(*r.object, {"metadata", "generation"}) == "1");
}

BOOST_AUTO_TEST_CASE(let_only_images_and_a_few_fields_change) {
  made();
  auto r =
      ok(patch("pods", "default", "p", R"({"spec":{"containers":[{"name":"c","image":"web:2"}]}})",
               patch_kind::strategic_merge));
  BOOST_TEST(text_at(*r.object, {"metadata", "generation"}) == "2");
  r = patch("pods", "default", "p", R"({"spec":{"containers":[{"name":"c","command":["sleep"]}]}})",
            patch_kind::strategic_merge);
  BOOST_TEST(http_code(r.failure.why) == 422);
  BOOST_TEST(r.failure.message.find("Pod \"p\" is invalid: spec: Forbidden: pod updates may not "
                                    "change fields other than "
                                    "`spec.containers[*].image`,`spec.initContainers[*].image`") ==
             0u);
  r = patch("pods", "default", "p", R"({"spec":{"containers":[{"name":"d","image":"web:2"}]}})",
            patch_kind::strategic_merge);
  BOOST_TEST(r.failure.message ==
             "Pod \"p\" is invalid: spec.containers: Forbidden: pod updates may not add or remove "
             "containers");
  // The tolerations that every pod has come back by themselves.
  auto generation = get("pods", "default", "p")->meta().generation;
  r = ok(patch("pods", "default", "p", R"({"spec":{"tolerations":[]}})"));
  BOOST_TEST(r.object->meta().generation == generation);
}

BOOST_AUTO_TEST_CASE(are_given_ephemeral_containers_through_their_endpoint_alone) {
  made();
  std::string add =
      R"({"spec":{"ephemeralContainers":[{"name":"e","image":"sh","targetContainerName":"c"}]}})";
  BOOST_TEST(!patch("pods", "default", "p", add, patch_kind::strategic_merge).ok);
  auto r =
      ok(patch("pods", "default", "p", add, patch_kind::strategic_merge, "ephemeralcontainers"));
  BOOST_TEST(text_at(*r.object, {"spec", "ephemeralContainers"}).find(R"("name":"e")") !=
             std::string::npos);
  r = patch("pods", "default", "p", R"({"spec":{"ephemeralContainers":null}})",
            patch_kind::json_merge, "ephemeralcontainers");
  BOOST_TEST(http_code(r.failure.why) == 422);
}

BOOST_AUTO_TEST_CASE(refuse_unknown_fields_when_asked_to_be_strict) {
  auto c = make(verb::create, "pods", "default", "",
                R"({"metadata":{"name":"p"},"spec":{"containes":[],
                    "containers":[{"name":"c","image":"i"}]}})",
                "");
  c.validation = validation_level::strict;
  auto r = send(c);
  BOOST_TEST(http_code(r.failure.why) == 400);
  BOOST_TEST(r.failure.message == "Pod in version \"v1\" cannot be handled as a Pod: strict "
                                  "decoding error: unknown field \"spec.containes\"");
  c.validation = validation_level::warn;
  r = ok(send(c));
  BOOST_REQUIRE(r.warnings.size() == 1);
  BOOST_TEST(r.warnings[0] == "unknown field \"spec.containes\"");
  BOOST_TEST(text_at(*r.object, {"spec", "containes"}) == "");
}

BOOST_AUTO_TEST_CASE(refuse_values_of_another_type) {
  auto r = create("pods", "default", R"({"metadata":{"name":"p"},"spec":{"containers":"no"}})");
  BOOST_TEST(http_code(r.failure.why) == 400);
  BOOST_TEST(r.failure.message.find("Pod in version \"v1\" cannot be handled as a Pod: json: "
                                    "cannot unmarshal") == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
