#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using namespace thespis::api::testing;

namespace {

/// A cluster whose callers have names.
struct managed_cluster : cluster {
  reply as(const std::string& manager, call c) {
    c.field_manager = manager;
    return send(c);
  }
  call body(verb v, std::string resource, std::string name, std::string text,
            std::string sub = {}) const {
    return make(v, std::move(resource), "default", std::move(name), std::move(text),
                std::move(sub));
  }
  reply apply(const std::string& manager, std::string resource, std::string name, std::string text,
              bool force = false, std::string sub = {}) {
    auto c =
        body(verb::patch, std::move(resource), std::move(name), std::move(text), std::move(sub));
    c.patch = patch_kind::apply;
    c.force = force;
    return as(manager, c);
  }
  reply merge(const std::string& manager, std::string resource, std::string name, std::string text,
              std::string sub = {}) {
    auto c =
        body(verb::patch, std::move(resource), std::move(name), std::move(text), std::move(sub));
    c.patch = patch_kind::json_merge;
    return as(manager, c);
  }
  /// FieldsV1 of one entry of managedFields; "" when there is none.
  std::string owned(const std::string& resource, const std::string& name,
                    const std::string& manager, const std::string& operation,
                    const std::string& sub = {}) const {
    auto doc = get(resource, "default", name)->parse();
    if (const auto* list = json::at(doc, {"metadata", "managedFields"}))
      for (const auto& e : list->GetArray())
        if (json::get_string(e, "manager") == manager &&
            json::get_string(e, "operation") == operation &&
            json::get_string(e, "subresource") == sub)
          return json::to_string(*json::find(e, "fieldsV1"));
    return {};
  }
  size_t entries(const std::string& resource, const std::string& name) const {
    auto doc = get(resource, "default", name)->parse();
    const auto* list = json::at(doc, {"metadata", "managedFields"});
    return list ? list->Size() : 0;
  }
};

std::string config_map(const std::string& data, const std::string& name = "c") {
  return R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":")" + name + R"("},"data":)" +
         data + "}";
}

std::string deployment(const std::string& spec_more = {}, const std::string& image = "nginx:1") {
  return R"({"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"web"},"spec":{)" +
         spec_more + R"("selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":)" +
         R"({"a":"b"}},"spec":{"containers":[{"name":"c","image":")" + image + R"("}]}}}})";
}

const std::string deployments = "deployments.apps";

} // namespace

BOOST_FIXTURE_TEST_SUITE(apply_and_ownership, managed_cluster)

BOOST_AUTO_TEST_CASE(creates_what_is_not_there) {
  auto r = apply("me", "configmaps", "c", config_map(R"({"a":"1"})"));
  BOOST_REQUIRE(r.ok);
  BOOST_TEST(r.created);
  BOOST_TEST(owned("configmaps", "c", "me", "Apply") == R"({"f:data":{"f:a":{}}})");
  BOOST_TEST(text_at(*r.object, {"metadata", "managedFields"}) ==
             R"([{"manager":"me","operation":"Apply","apiVersion":"v1",)"
             R"("time":"2030-01-02T00:00:00Z","fieldsType":"FieldsV1",)"
             R"("fieldsV1":{"f:data":{"f:a":{}}}}])");
}

BOOST_AUTO_TEST_CASE(applying_twice_writes_once) {
  ok(apply("me", deployments, "web", deployment()));
  const auto first = get(deployments, "default", "web");
  advance(std::chrono::seconds{60});
  auto r = ok(apply("me", deployments, "web", deployment()));
  BOOST_TEST(!r.created);
  BOOST_TEST(get(deployments, "default", "web") == first);
  // Nor does a patch or an update that changes nothing.
  ok(merge("other", deployments, "web", R"({"spec":{"replicas":1}})"));
  ok(as("other", body(verb::update, deployments, "web", first->bytes())));
  BOOST_TEST(get(deployments, "default", "web") == first);
}

BOOST_AUTO_TEST_CASE(removes_what_is_applied_no_more_and_gives_defaults_back) {
  ok(apply("me", deployments, "web", deployment(R"("replicas":3,"minReadySeconds":7,)")));
  ok(apply("me", deployments, "web", deployment()));
  const auto o = get(deployments, "default", "web");
  BOOST_TEST(text_at(*o, {"spec", "replicas"}) == "1");
  BOOST_TEST(text_at(*o, {"spec", "minReadySeconds"}) == "");
  BOOST_TEST(text_at(*o, {"metadata", "generation"}) == "2");
}

BOOST_AUTO_TEST_CASE(tells_of_conflicts_and_can_be_forced) {
  ok(apply("one", deployments, "web", deployment(R"("replicas":3,)")));
  auto r = apply("two", deployments, "web", deployment(R"("replicas":4,)"));
  BOOST_TEST(http_code(r.failure.why) == 409);
  BOOST_TEST(r.failure.message ==
             "Apply failed with 1 conflict: conflict with \"one\": .spec.replicas");
  BOOST_REQUIRE(r.failure.causes.size() == 1u);
  BOOST_TEST(r.failure.causes[0].reason == "FieldManagerConflict");
  BOOST_TEST(r.failure.causes[0].message == "conflict with \"one\"");
  BOOST_TEST(r.failure.causes[0].field == ".spec.replicas");

  r = apply("two", deployments, "web", deployment(R"("replicas":4,)", "nginx:2"));
  BOOST_TEST(r.failure.message == "Apply failed with 2 conflicts: conflicts with \"one\":\n"
                                  "- .spec.replicas\n"
                                  "- .spec.template.spec.containers[name=\"c\"].image");

  ok(apply("two", deployments, "web", deployment(R"("replicas":4,)"), true));
  BOOST_TEST(text_at(*get(deployments, "default", "web"), {"spec", "replicas"}) == "4");
  BOOST_TEST(owned(deployments, "web", "one", "Apply").find("f:replicas") == std::string::npos);
  // What both applied stays when one of them lets go.
  ok(apply("two", deployments, "web",
           R"({"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"web"}})"));
  const auto o = get(deployments, "default", "web");
  BOOST_TEST(text_at(*o, {"spec", "replicas"}) == "1");
  BOOST_TEST(text_at(*o, {"spec", "selector", "matchLabels", "a"}) == "b");
}

BOOST_AUTO_TEST_CASE(tells_of_conflicts_with_updates_and_subresources) {
  ok(as("kubectl-create", body(verb::create, deployments, "", deployment(R"("replicas":3,)"))));
  auto r = apply("me", deployments, "web", deployment(R"("replicas":4,)"));
  BOOST_TEST(r.failure.message == "Apply failed with 1 conflict: conflict with \"kubectl-create\" "
                                  "using apps/v1: .spec.replicas");
  ok(as("kubectl", body(verb::update, deployments, "web",
                        R"({"metadata":{"name":"web"},"spec":{"replicas":5}})", "scale")));
  r = apply("me", deployments, "web", deployment(R"("replicas":4,)"));
  BOOST_TEST(r.failure.message == "Apply failed with 1 conflict: conflict with \"kubectl\" with "
                                  "subresource \"scale\" using apps/v1: .spec.replicas");
}

BOOST_AUTO_TEST_CASE(records_creations_updates_and_patches) {
  ok(as("creator", body(verb::create, "configmaps", "", config_map(R"({"a":"1","b":"2"})"))));
  BOOST_TEST(owned("configmaps", "c", "creator", "Update") ==
             R"({"f:data":{".":{},"f:a":{},"f:b":{}}})");
  advance(std::chrono::seconds{5});
  ok(merge("patcher", "configmaps", "c", R"({"data":{"b":"3","c":"4"}})"));
  BOOST_TEST(owned("configmaps", "c", "creator", "Update") == R"({"f:data":{".":{},"f:a":{}}})");
  BOOST_TEST(owned("configmaps", "c", "patcher", "Update") == R"({"f:data":{"f:b":{},"f:c":{}}})");
  ok(as("putter", body(verb::update, "configmaps", "c", config_map(R"({"b":"3"})"))));
  BOOST_TEST(owned("configmaps", "c", "creator", "Update") == R"({"f:data":{}})");
  BOOST_TEST(owned("configmaps", "c", "patcher", "Update") == R"({"f:data":{"f:b":{}}})");
  BOOST_TEST(owned("configmaps", "c", "putter", "Update") == "");
  // Appliers first, then by time.
  auto doc = get("configmaps", "default", "c")->parse();
  BOOST_TEST(json::get_string((*json::at(doc, {"metadata", "managedFields"}))[1], "manager") ==
             "patcher");
}

/// What `kubectl create deployment` leaves behind, as a server of Kubernetes records it.
BOOST_AUTO_TEST_CASE(records_a_creation_as_kubernetes_does) {
  ok(as("kubectl-create", body(verb::create, deployments, "", deployment())));
  BOOST_TEST(
      owned(deployments, "web", "kubectl-create", "Update") ==
      R"({"f:spec":{"f:progressDeadlineSeconds":{},"f:replicas":{},"f:revisionHistoryLimit":{},)"
      R"("f:selector":{},"f:strategy":{"f:rollingUpdate":{".":{},"f:maxSurge":{},)"
      R"("f:maxUnavailable":{}},"f:type":{}},"f:template":{"f:metadata":{"f:labels":{".":{},)"
      R"("f:a":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{},)"
      R"("f:imagePullPolicy":{},"f:name":{},"f:resources":{},"f:terminationMessagePath":{},)"
      R"("f:terminationMessagePolicy":{}}},"f:dnsPolicy":{},"f:restartPolicy":{},)"
      R"("f:schedulerName":{},"f:securityContext":{},"f:terminationGracePeriodSeconds":{}}}}})");
}

BOOST_AUTO_TEST_CASE(our_own_actors_begin_no_record_but_keep_one) {
  call own = body(verb::create, "configmaps", "", config_map(R"({"a":"1"})"));
  own.user.name = "system:controller:deployment";
  ok(send(own));
  BOOST_TEST(entries("configmaps", "c") == 0u);
  ok(merge("someone", "configmaps", "c", R"({"data":{"b":"1"}})"));
  BOOST_TEST(entries("configmaps", "c") == 0u);
  // An apply tells what was there before it.
  ok(apply("me", "configmaps", "c", config_map(R"({"c":"1"})")));
  BOOST_TEST(owned("configmaps", "c", "before-first-apply", "Update") ==
             R"({"f:data":{".":{},"f:a":{},"f:b":{}}})");
  own = body(verb::patch, "configmaps", "c", R"({"data":{"c":"2"}})");
  own.patch = patch_kind::json_merge;
  own.user.name = "system:controller:deployment";
  ok(send(own));
  BOOST_TEST(owned("configmaps", "c", "deployment", "Update") == R"({"f:data":{"f:c":{}}})");
  auto r = apply("me", "configmaps", "c", config_map(R"({"c":"1"})"));
  BOOST_TEST(r.failure.message ==
             "Apply failed with 1 conflict: conflict with \"deployment\" using v1: .data.c");
}

BOOST_AUTO_TEST_CASE(status_and_spec_have_their_own_managers) {
  ok(apply("me", deployments, "web", deployment()));
  ok(merge("ctl", deployments, "web", R"({"status":{"replicas":2},"spec":{"replicas":9}})",
           "status"));
  BOOST_TEST(owned(deployments, "web", "ctl", "Update", "status") ==
             R"({"f:status":{"f:replicas":{}}})");
  ok(apply("st", deployments, "web",
           R"({"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"web"},)"
           R"("spec":{"replicas":7},"status":{"readyReplicas":1}})",
           false, "status"));
  const auto o = get(deployments, "default", "web");
  BOOST_TEST(text_at(*o, {"spec", "replicas"}) == "1");
  BOOST_TEST(text_at(*o, {"status", "readyReplicas"}) == "1");
  BOOST_TEST(text_at(*o, {"status", "replicas"}) == "2");
  BOOST_TEST(owned(deployments, "web", "st", "Apply", "status") ==
             R"({"f:status":{"f:readyReplicas":{}}})");
  // The object's own endpoint owns nothing of the status.
  ok(apply("other", deployments, "web",
           R"({"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"web"},)"
           R"("status":{"replicas":8}})"));
  BOOST_TEST(text_at(*get(deployments, "default", "web"), {"status", "replicas"}) == "2");
  BOOST_TEST((apply("st", deployments, "none",
                    R"({"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"none"}})",
                    false, "status")
                  .failure.why == reason::not_found));
}

BOOST_AUTO_TEST_CASE(the_scale_shares_the_replicas_owner) {
  ok(apply("me", deployments, "web", deployment(R"("replicas":3,)")));
  const auto scale = [](int n) {
    return R"({"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"web"},"spec":)"
           R"({"replicas":)" +
           std::to_string(n) + "}}";
  };
  auto r = apply("hpa", deployments, "web", scale(5), false, "scale");
  BOOST_TEST(r.failure.message ==
             "Apply failed with 1 conflict: conflict with \"me\": .spec.replicas");
  ok(apply("hpa", deployments, "web", scale(5), true, "scale"));
  BOOST_TEST(text_at(*get(deployments, "default", "web"), {"spec", "replicas"}) == "5");
  BOOST_TEST(owned(deployments, "web", "hpa", "Apply", "scale") ==
             R"({"f:spec":{"f:replicas":{}}})");
  BOOST_TEST(owned(deployments, "web", "me", "Apply").find("f:replicas") == std::string::npos);
  BOOST_TEST(owned(deployments, "web", "me", "Apply").find("f:selector") != std::string::npos);
  ok(merge("kubectl", deployments, "web", R"({"spec":{"replicas":6}})", "scale"));
  BOOST_TEST(owned(deployments, "web", "hpa", "Apply", "scale") == "");
  BOOST_TEST(owned(deployments, "web", "kubectl", "Update", "scale") ==
             R"({"f:spec":{"f:replicas":{}}})");
}

BOOST_AUTO_TEST_CASE(refuses_what_cannot_be_applied) {
  struct row {
    std::string body;
    int code;
    std::string message;
  };
  const row rows[] = {
      {R"([])", 400, ""},
      {R"({)", 400, ""},
      {R"({"kind":"Secret","apiVersion":"v1","metadata":{"name":"c"}})", 400,
       "invalid object type: /v1, Kind=Secret"},
      {R"({"metadata":{"name":"c"}})", 400, "invalid object type: /, Kind="},
      {R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"d"}})", 400,
       "the name of the object (d) does not match the name on the URL (c)"},
      {R"({"kind":"ConfigMap","apiVersion":"v1"})", 400,
       "the name of the object (c based on URL) was undeterminable: name must be provided"},
      {R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c","managedFields":[]}})", 400,
       "metadata.managedFields must be nil"},
      {R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c","namespace":"x"}})", 400,
       "the namespace of the object (x) does not match the namespace on the request (default)"},
      {R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c","namespace":"default"},"date":{}})",
       500,
       "failed to create typed patch object (default/c; /v1, Kind=ConfigMap): .date: field not "
       "declared in schema"},
      {R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c","uid":"u"}})", 409,
       "Operation cannot be fulfilled on configmaps \"c\": uid mismatch: the provided object "
       "specified uid u, and no existing object was found"},
  };
  for (const auto& r : rows) {
    auto got = apply("me", "configmaps", "c", r.body);
    BOOST_TEST_CONTEXT(r.body) {
      BOOST_TEST(http_code(got.failure.why) == r.code);
      if (!r.message.empty())
        BOOST_TEST(got.failure.message == r.message);
    }
  }
}

BOOST_AUTO_TEST_CASE(heeds_uid_and_revision) {
  ok(apply("me", "configmaps", "c", config_map(R"({"a":"1"})")));
  const auto with = [](const std::string& metadata) {
    return R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c",)" + metadata +
           R"(},"data":{"a":"2"}})";
  };
  auto r = apply("me", "configmaps", "c", with(R"("uid":"other")"));
  BOOST_TEST(http_code(r.failure.why) == 422);
  BOOST_TEST(r.failure.message.find("metadata.uid") != std::string::npos);
  r = apply("me", "configmaps", "c", with(R"("resourceVersion":"1")"));
  BOOST_TEST((r.failure.why == reason::conflict));
  const auto now = get("configmaps", "default", "c");
  ok(apply("me", "configmaps", "c",
           with("\"resourceVersion\":\"" + std::to_string(now->revision()) + "\",\"uid\":\"" +
                now->uid() + "\"")));
  BOOST_TEST(owned("configmaps", "c", "me", "Apply") == R"({"f:data":{"f:a":{}}})");
}

BOOST_AUTO_TEST_CASE(dry_runs_write_nothing) {
  auto c = body(verb::patch, "configmaps", "c", config_map(R"({"a":"1"})"));
  c.patch = patch_kind::apply;
  c.dry_run = true;
  auto r = as("me", c);
  BOOST_TEST(r.created);
  BOOST_TEST(get("configmaps", "default", "c") == nullptr);
  ok(apply("me", "configmaps", "c", config_map(R"({"a":"1"})")));
  c.body = config_map(R"({"a":"2"})");
  r = as("me", c);
  BOOST_TEST(text_at(*r.object, {"data", "a"}) == "2");
  BOOST_TEST(text_at(*get("configmaps", "default", "c"), {"data", "a"}) == "1");
}

BOOST_AUTO_TEST_CASE(the_record_can_be_cleared_and_replaced_but_not_broken) {
  for (const auto* reset : {"[]", "[{}]"}) {
    ok(apply("me", "configmaps", "c", config_map(R"({"a":"1"})")));
    BOOST_TEST(entries("configmaps", "c") >= 1u);
    ok(merge("x", "configmaps", "c",
             R"({"metadata":{"managedFields":)" + std::string(reset) + "}}"));
    BOOST_TEST(entries("configmaps", "c") == 0u);
  }
  ok(apply("me", "configmaps", "c", config_map(R"({"a":"1"})")));
  // A client that does not know the field, or fills it with nonsense, does not erase it.
  ok(as("x", body(verb::update, "configmaps", "c", config_map(R"({"a":"1"})"))));
  BOOST_TEST(owned("configmaps", "c", "me", "Apply") == R"({"f:data":{"f:a":{}}})");
  for (
      const auto* bad :
      {R"([{"manager":"m"}])", R"([{"manager":"m","operation":"Apply","apiVersion":"v1"}])",
       R"([{"manager":"m","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"x":1}}])"}) {
    ok(merge("x", "configmaps", "c", R"({"metadata":{"managedFields":)" + std::string(bad) + "}}"));
    BOOST_TEST(owned("configmaps", "c", "me", "Apply") == R"({"f:data":{"f:a":{}}})");
  }
  ok(merge("x", "configmaps", "c",
           R"({"metadata":{"managedFields":[{"manager":"m","operation":"Apply","apiVersion":"v1",)"
           R"("fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:z":{}}}}]}})"));
  BOOST_TEST(owned("configmaps", "c", "m", "Apply") == R"({"f:data":{"f:z":{}}})");
  BOOST_TEST(owned("configmaps", "c", "me", "Apply") == "");
  // Entries of versions that are not served go with the next write.
  ok(merge("x", "configmaps", "c",
           R"({"data":{"n":"1"},"metadata":{"managedFields":[{"manager":"old","operation":"Apply",)"
           R"("apiVersion":"v0","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:z":{}}}}]}})"));
  BOOST_TEST(owned("configmaps", "c", "old", "Apply") == "");
  BOOST_TEST(owned("configmaps", "c", "x", "Update") == R"({"f:data":{"f:n":{}}})");
}

BOOST_AUTO_TEST_CASE(many_updaters_share_an_entry) {
  ok(as("m0", body(verb::create, "configmaps", "", config_map(R"({"k0":"0"})"))));
  for (int i = 1; i < 14; ++i) {
    advance(std::chrono::seconds{1});
    ok(merge("m" + std::to_string(i), "configmaps", "c",
             R"({"data":{"k)" + std::to_string(i) + R"(":"1"}})"));
  }
  BOOST_TEST(entries("configmaps", "c") == 10u);
  BOOST_TEST(owned("configmaps", "c", "ancient-changes", "Update") ==
             R"({"f:data":{".":{},"f:k0":{},"f:k1":{},"f:k2":{},"f:k3":{},"f:k4":{}}})");
  BOOST_TEST(owned("configmaps", "c", "m13", "Update") == R"({"f:data":{"f:k13":{}}})");
}

BOOST_AUTO_TEST_CASE(kubectl_takes_over_from_client_side_apply) {
  const auto client_side = [](const std::string& data) {
    return R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c","annotations":{)"
           R"("kubectl.kubernetes.io/last-applied-configuration":)" +
           json::quote(R"({"apiVersion":"v1","data":)" + data +
                       R"(,"kind":"ConfigMap","metadata":{"name":"c"}})") +
           R"(}},"data":)" + data + "}";
  };
  ok(as("kubectl-client-side-apply",
        body(verb::create, "configmaps", "", client_side(R"({"a":"1","b":"1"})"))));
  // Any other applier meets conflicts.
  BOOST_TEST(!apply("me", "configmaps", "c", config_map(R"({"a":"2"})")).ok);
  ok(apply("kubectl", "configmaps", "c", config_map(R"({"a":"2"})")));
  const auto o = get("configmaps", "default", "c");
  BOOST_TEST(text_at(*o, {"data", "a"}) == "2");
  BOOST_TEST(text_at(*o, {"metadata", "annotations",
                          "kubectl.kubernetes.io/last-applied-configuration"}) ==
             R"({"apiVersion":"v1","data":{"a":"2"},"kind":"ConfigMap","metadata":{"name":"c"}})"
             "\n");
  BOOST_TEST(owned("configmaps", "c", "kubectl", "Apply") == R"({"f:data":{"f:a":{}}})");
  // What changed since the last client-side apply is a conflict for kubectl too.
  ok(merge("someone", "configmaps", "c", R"({"data":{"b":"5"}})"));
  auto r = apply("kubectl", "configmaps", "c", config_map(R"({"a":"2","b":"7"})"));
  BOOST_TEST(r.failure.message ==
             "Apply failed with 1 conflict: conflict with \"someone\" using v1: .data.b");
}

BOOST_AUTO_TEST_CASE(lists_of_ports_keep_order_and_owners) {
  const auto service = [](const std::string& ports) {
    return R"({"kind":"Service","apiVersion":"v1","metadata":{"name":"s"},"spec":{"selector":)"
           R"({"a":"b"},"ports":[)" +
           ports + "]}}";
  };
  ok(apply("one", "services", "s", service(R"({"name":"a","port":80},{"name":"b","port":81})")));
  ok(apply("two", "services", "s",
           R"({"kind":"Service","apiVersion":"v1","metadata":{"name":"s"},"spec":{"ports":[)"
           R"({"name":"c","port":82}]}})"));
  BOOST_TEST(owned("services", "s", "two", "Apply") ==
             R"({"f:spec":{"f:ports":{"k:{\"port\":82,\"protocol\":\"TCP\"}":{".":{},"f:name":{},)"
             R"("f:port":{}}}}})");
  const auto first_address = text_at(*get("services", "default", "s"), {"spec", "clusterIP"});
  ok(apply("one", "services", "s", service(R"({"name":"b","port":81})")));
  auto doc = get("services", "default", "s")->parse();
  const auto& ports = *json::at(doc, {"spec", "ports"});
  BOOST_REQUIRE(ports.Size() == 2u);
  BOOST_TEST(json::get_string(ports[0], "name") == "b");
  BOOST_TEST(json::get_string(ports[1], "name") == "c");
  BOOST_TEST(text_at(*get("services", "default", "s"), {"spec", "clusterIP"}) == first_address);
}

BOOST_AUTO_TEST_CASE(bindings_and_deletions_leave_the_record_alone) {
  ok(as("kubectl", body(verb::create, "pods", "",
                        R"({"metadata":{"name":"p","finalizers":["x/y"]},"spec":{"containers":)"
                        R"([{"name":"c","image":"i"}]}})")));
  const auto before = text_at(*get("pods", "default", "p"), {"metadata", "managedFields"});
  BOOST_TEST(!before.empty());
  ok(as("sched", body(verb::create, "pods", "p", R"({"target":{"name":"n"}})", "binding")));
  ok(remove("pods", "default", "p"));
  BOOST_TEST(text_at(*get("pods", "default", "p"), {"metadata", "managedFields"}) == before);
}

BOOST_AUTO_TEST_CASE(two_first_applies_at_once_both_count) {
  auto c = body(verb::patch, "configmaps", "c", config_map(R"({"a":"1"})"));
  c.patch = patch_kind::apply;
  c.field_manager = "one";
  auto first = prepare(c);
  ok(apply("two", "configmaps", "c", config_map(R"({"b":"1"})")));
  auto& w = std::get<prepared_write>(first);
  BOOST_TEST(w.retry_on_exists);
  BOOST_TEST((commit(std::move(w)).failure.why == reason::already_exists));
  ok(send(c));
  BOOST_TEST(text_at(*get("configmaps", "default", "c"), {"data"}) == R"({"b":"1","a":"1"})");
}

BOOST_AUTO_TEST_SUITE_END()
