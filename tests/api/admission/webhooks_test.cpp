#include "api/outbound/client.hpp"
#include "api/pipeline/cluster_fixture.hpp"
#include "api/text/base64.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using thespis::api::testing::cluster;
using thespis::api::testing::text_at;

namespace {

/// Answers each request as the test says, and keeps them all.
class script final : public outbound::client {
public:
  result<outbound::answer> send(const outbound::request& r) override {
    const std::lock_guard lock{mutex};
    asked.push_back(r);
    return respond(r);
  }

  std::mutex mutex;
  std::vector<outbound::request> asked;
  std::function<result<outbound::answer>(const outbound::request&)> respond;
};

std::string uid_of(const outbound::request& r) {
  auto doc = json::parse(r.body);
  return std::string(json::get_string(*json::find(*doc, "request"), "uid"));
}

/// A review's answer with these members of `response`.
outbound::answer review(const outbound::request& r, const std::string& members) {
  return {200, "application/json",
          R"({"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":")" +
              uid_of(r) + "\"," + members + "}}"};
}
std::string patch_of(const std::string& operations) {
  return R"("allowed":true,"patchType":"JSONPatch","patch":")" + encode_base64(operations) + "\"";
}

struct hooked : cluster {
  hooked() : hooked(std::make_shared<script>()) {}
  explicit hooked(std::shared_ptr<script> s) : cluster({}, s), hooks(std::move(s)) {
    hooks->respond = [](const outbound::request& r) { return review(r, R"("allowed":true)"); };
  }

  /// One configuration with one webhook about ConfigMaps; `more` overrides its members.
  void configure(const std::string& kind, const std::string& name, const std::string& more = {},
                 const std::string& rule = {}) {
    ok(create(kind + "webhookconfigurations.admissionregistration.k8s.io", "",
              R"({"metadata":{"name":")" + name + R"("},"webhooks":[{"name":")" + name +
                  R"(.example.com","clientConfig":{"url":"https://)" + name +
                  R"(.example.com/hook"},"sideEffects":"None","admissionReviewVersions":["v1"],
                  "rules":[)" +
                  (rule.empty()
                       ? R"({"apiGroups":[""],"apiVersions":["v1"],"resources":["configmaps"],
                            "operations":["*"]})"
                       : rule) +
                  "]" + more + "}]}"));
  }
  reply map(const std::string& name = "m", const std::string& more = {}) {
    return create("configmaps", "default",
                  R"({"metadata":{"name":")" + name + "\"" + more + R"(},"data":{"a":"b"}})");
  }
  void answer(const std::string& members) {
    hooks->respond = [members](const outbound::request& r) { return review(r, members); };
  }
  size_t calls() const { return hooks->asked.size(); }

  std::shared_ptr<script> hooks;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(webhooks, hooked)

BOOST_AUTO_TEST_CASE(are_told_what_is_asked) {
  configure("validating", "v");
  auto c = make(verb::create, "configmaps", "default", "",
                R"({"metadata":{"name":"m"},"data":{"a":"b"}})", "");
  c.user = {"jane", "u1", {"dev"}};
  c.field_manager = "kubectl";
  ok(send(c));
  BOOST_REQUIRE(calls() == 1u);
  const auto& asked = hooks->asked[0];
  BOOST_TEST(asked.url == "https://v.example.com/hook?timeout=10s");
  BOOST_TEST((asked.timeout == std::chrono::seconds{10}));
  auto doc = json::parse(asked.body);
  auto& q = *json::find(*doc, "request");
  json::erase(q, "object");
  BOOST_TEST(
      json::to_string(q) ==
      R"({"uid":")" + uid_of(asked) +
          R"(","kind":{"group":"","version":"v1","kind":"ConfigMap"},"resource":{"group":"","version":"v1","resource":"configmaps"},"requestKind":{"group":"","version":"v1","kind":"ConfigMap"},"requestResource":{"group":"","version":"v1","resource":"configmaps"},"name":"m","namespace":"default","operation":"CREATE","userInfo":{"username":"jane","uid":"u1","groups":["dev"]},"oldObject":null,"dryRun":false,"options":{"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1","fieldManager":"kubectl","fieldValidation":"Ignore"}})");
}

BOOST_AUTO_TEST_CASE(see_old_and_new_of_every_operation) {
  configure("validating", "v");
  ok(map());
  ok(patch("configmaps", "default", "m", R"({"data":{"a":"c"}})"));
  ok(remove("configmaps", "default", "m"));
  BOOST_REQUIRE(calls() == 3u);
  auto at = [&](size_t i, std::initializer_list<std::string_view> where) {
    auto doc = json::parse(hooks->asked[i].body);
    const auto* v = json::at(*doc, where);
    return v ? json::to_string(*v) : std::string{};
  };
  BOOST_TEST(at(1, {"request", "operation"}) == "\"UPDATE\"");
  BOOST_TEST(at(1, {"request", "oldObject", "data"}) == R"({"a":"b"})");
  BOOST_TEST(at(1, {"request", "object", "data"}) == R"({"a":"c"})");
  BOOST_TEST(at(1, {"request", "options", "kind"}) == "\"PatchOptions\"");
  BOOST_TEST(at(2, {"request", "operation"}) == "\"DELETE\"");
  BOOST_TEST(at(2, {"request", "object"}) == "null");
  BOOST_TEST(at(2, {"request", "oldObject", "metadata", "name"}) == "\"m\"");
}

BOOST_AUTO_TEST_CASE(deny_in_their_own_words) {
  configure("validating", "v");
  answer(R"("allowed":false,"status":{"code":403,"reason":"Forbidden","message":"no, thanks"})");
  auto r = map();
  BOOST_TEST(http_code(r.failure) == 403);
  BOOST_TEST(r.failure.message ==
             "admission webhook \"v.example.com\" denied the request: no, thanks");
  answer(R"("allowed":false)");
  r = map();
  BOOST_TEST(http_code(r.failure) == 400);
  BOOST_TEST(r.failure.message ==
             "admission webhook \"v.example.com\" denied the request without explanation");
  answer(R"("allowed":false,"status":{"code":200,"reason":"Teapot","status":"Success"})");
  r = map();
  BOOST_TEST(
      to_status_json(r.failure) ==
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"admission webhook \"v.example.com\" denied the request: Teapot","reason":"Teapot","code":400})");
  BOOST_TEST(get("configmaps", "default", "m") == nullptr);
}

BOOST_AUTO_TEST_CASE(warn) {
  configure("validating", "v");
  answer(R"("allowed":true,"warnings":["mind the gap"])");
  BOOST_TEST(ok(map()).warnings == std::vector<std::string>{"mind the gap"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(patch_in_turn_and_validators_see_the_result) {
  configure("validating", "v");
  configure("mutating", "b");
  configure("mutating", "a");
  hooks->respond = [](const outbound::request& r) {
    if (r.url.find("//a.") != r.url.npos)
      return review(r, patch_of(R"([{"op":"add","path":"/data/one","value":"1"}])"));
    if (r.url.find("//b.") != r.url.npos)
      return review(r, patch_of(R"([{"op":"copy","from":"/data/one","path":"/data/two"}])"));
    return review(r, R"("allowed":true)");
  };
  auto o = ok(map()).object;
  BOOST_TEST(text_at(*o, {"data"}) == R"({"a":"b","one":"1","two":"1"})");
  BOOST_TEST(hooks->asked.back().body.find(R"("two":"1")") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(give_defaults_to_what_they_add) {
  configure(
      "mutating", "a", {},
      R"({"apiGroups":[""],"apiVersions":["*"],"resources":["pods"],"operations":["CREATE"]})");
  answer(patch_of(
      R"([{"op":"add","path":"/spec/containers/-","value":{"name":"side","image":"s:1"}}])"));
  auto o =
      ok(create("pods", "default",
                R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}})"))
          .object;
  auto doc = o->parse();
  BOOST_REQUIRE(doc["spec"]["containers"].Size() >= 2u);
  BOOST_TEST(json::get_string(doc["spec"]["containers"][1], "imagePullPolicy") == "IfNotPresent");
}

BOOST_AUTO_TEST_CASE(are_asked_again_when_others_have_changed_the_object_since) {
  configure("mutating", "a", R"(,"reinvocationPolicy":"IfNeeded")");
  configure("mutating", "b");
  hooks->respond = [](const outbound::request& r) {
    return r.url.find("//b.") != r.url.npos
               ? review(r, patch_of(R"([{"op":"add","path":"/data/b","value":"1"}])"))
               : review(r, R"("allowed":true)");
  };
  ok(map());
  BOOST_REQUIRE(calls() == 3u);
  BOOST_TEST(hooks->asked[2].url.find("//a.") != std::string::npos);
  BOOST_TEST(hooks->asked[2].body.find(R"("b":"1")") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(are_asked_about_what_their_rules_name_only) {
  configure(
      "validating", "scale", {},
      R"({"apiGroups":["*"],"apiVersions":["*"],"resources":["*/scale"],"operations":["UPDATE"]})");
  configure("validating", "cluster", {},
            R"({"apiGroups":["*"],"apiVersions":["*"],"resources":["*"],"operations":["CREATE"],
                "scope":"Cluster"})");
  configure("validating", "exact", R"(,"matchPolicy":"Exact")",
            R"({"apiGroups":["apps"],"apiVersions":["v1beta1"],"resources":["deployments"],
                "operations":["*"]})");
  ok(map());
  BOOST_TEST(calls() == 0u);
  ok(create("namespaces", "", R"({"metadata":{"name":"n"}})"));
  BOOST_TEST(calls() == 1u);
  ok(create("replicationcontrollers", "default", R"({"metadata":{"name":"r"},
      "spec":{"selector":{"a":"b"},"template":{"metadata":{"labels":{"a":"b"}},
      "spec":{"containers":[{"name":"c","image":"i"}]}}}})"));
  ok(patch("replicationcontrollers", "default", "r", R"({"spec":{"replicas":3}})"));
  BOOST_TEST(calls() == 1u);
  ok(patch("replicationcontrollers", "default", "r", R"({"spec":{"replicas":4}})",
           patch_kind::json_merge, "scale"));
  BOOST_TEST(calls() == 2u);
  BOOST_TEST(hooks->asked[1].body.find(R"("kind":"Scale")") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(never_judge_the_configurations_of_admission) {
  configure("validating", "all", {},
            R"({"apiGroups":["*"],"apiVersions":["*"],"resources":["*/*"],"operations":["*"]})");
  configure("mutating", "other");
  BOOST_TEST(calls() == 0u);
}

BOOST_AUTO_TEST_CASE(select_namespaces_and_objects) {
  configure("validating", "ns", R"(,"namespaceSelector":{"matchLabels":{"watched":"yes"}})");
  configure("validating", "object", R"(,"objectSelector":{"matchLabels":{"watched":"yes"}})");
  ok(map("a"));
  BOOST_TEST(calls() == 0u);
  ok(map("b", R"(,"labels":{"watched":"yes"})"));
  BOOST_TEST(calls() == 1u);
  // What loses the label is seen once more.
  ok(patch("configmaps", "default", "b", R"({"metadata":{"labels":{"watched":null}}})"));
  BOOST_TEST(calls() == 2u);
  ok(create("namespaces", "", R"({"metadata":{"name":"n","labels":{"watched":"yes"}}})"));
  ok(create("configmaps", "n", R"({"metadata":{"name":"m"}})"));
  BOOST_REQUIRE(calls() == 3u);
  BOOST_TEST(hooks->asked[2].url.find("//ns.") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(fail_closed_or_open_as_configured) {
  configure("validating", "v", R"(,"timeoutSeconds":3)");
  hooks->respond = [](const outbound::request& r) -> result<outbound::answer> {
    error e;
    e.message = "Post \"" + r.url + "\": context deadline exceeded";
    return fail(e);
  };
  auto r = map();
  BOOST_TEST(http_code(r.failure) == 500);
  BOOST_TEST(r.failure.message ==
             "Internal error occurred: failed calling webhook \"v.example.com\": failed to call "
             "webhook: Post \"https://v.example.com/hook?timeout=3s\": context deadline exceeded");
  ok(patch("validatingwebhookconfigurations.admissionregistration.k8s.io", "", "v",
           R"([{"op":"replace","path":"/webhooks/0/failurePolicy","value":"Ignore"}])",
           patch_kind::json_patch));
  ok(map());
}

BOOST_AUTO_TEST_CASE(that_lie_are_failures) {
  configure("mutating", "v");
  auto said = [&](const std::string& body, int code = 200) {
    hooks->respond = [=](const outbound::request&) {
      return outbound::answer{code, "application/json", body};
    };
    auto r = map();
    const std::string prefix =
        "Internal error occurred: failed calling webhook \"v.example.com\": ";
    BOOST_TEST(r.failure.message.starts_with(prefix));
    return r.failure.message.substr(std::min(prefix.size(), r.failure.message.size()));
  };
  BOOST_TEST(said("<html>").starts_with(
      "failed to call webhook: couldn't get version/kind; json parse error: "));
  BOOST_TEST(said("{}") == "received invalid webhook response: webhook response was absent");
  BOOST_TEST(said(R"({"response":{"uid":"x"}})")
                 .starts_with("received invalid webhook response: expected response.uid=\"uid-"));
  BOOST_TEST(said("", 404) ==
             "failed to call webhook: the server could not find the requested resource");
  BOOST_TEST(said("oops", 500) == "failed to call webhook: an error on the server (\"oops\") has "
                                  "prevented the request from succeeding");
  BOOST_TEST(said("", 307) == "failed to call webhook: the server responded with the status code "
                              "307 but did not return more information");
  answer(R"("allowed":true,"patch":"e30=")");
  BOOST_TEST(map().failure.message ==
             "Internal error occurred: failed calling webhook \"v.example.com\": received invalid "
             "webhook response: webhook returned response.patch but not response.patchType");
  answer(patch_of(R"([{"op":"remove","path":"/data/nothing"}])"));
  BOOST_TEST(http_code(map().failure) == 500);
  answer(patch_of(R"([{"op":"replace","path":"","value":[]}])"));
  BOOST_TEST(http_code(map().failure) == 500);
  BOOST_TEST(get("configmaps", "default", "m") == nullptr);
}

BOOST_AUTO_TEST_CASE(that_validate_may_not_patch) {
  configure("validating", "v");
  answer(patch_of("[]"));
  BOOST_TEST(map().failure.message ==
             "Internal error occurred: failed calling webhook \"v.example.com\": received invalid "
             "webhook response: validating webhook may not return response.patch");
}

BOOST_AUTO_TEST_CASE(know_a_rehearsal) {
  configure("validating", "v", R"(,"sideEffects":"NoneOnDryRun")");
  auto c = make(verb::create, "configmaps", "default", "", R"({"metadata":{"name":"m"}})", "");
  c.dry_run = true;
  ok(send(c));
  BOOST_REQUIRE(calls() == 1u);
  BOOST_TEST(hooks->asked[0].body.find(R"("dryRun":true,"options")") != std::string::npos);
  BOOST_TEST(hooks->asked[0].body.find(R"("dryRun":["All"])") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(behind_a_service_are_asked_at_a_ready_endpoint) {
  ok(create("mutatingwebhookconfigurations.admissionregistration.k8s.io", "",
            R"({"metadata":{"name":"s"},"webhooks":[{"name":"s.example.com","sideEffects":"None",
                "admissionReviewVersions":["v1"],"timeoutSeconds":5,
                "clientConfig":{"service":{"name":"hook","namespace":"default","path":"/mutate"}},
                "rules":[{"apiGroups":[""],"apiVersions":["v1"],"resources":["configmaps"],
                          "operations":["CREATE"]}]}]})"));
  const std::string prefix =
      "Internal error occurred: failed calling webhook \"s.example.com\": failed to call webhook: "
      "Post \"https://hook.default.svc:443/mutate?timeout=5s\": ";
  BOOST_TEST(map().failure.message == prefix + "service \"hook\" not found");
  ok(create("services", "default",
            R"({"metadata":{"name":"hook"},"spec":{"ports":[{"port":443,"targetPort":8443}]}})"));
  BOOST_TEST(map().failure.message == prefix + "no endpoints available for service \"hook\"");
  ok(create("endpointslices.discovery.k8s.io", "default",
            R"({"metadata":{"name":"hook-1","labels":{"kubernetes.io/service-name":"hook"}},
                "addressType":"IPv4","ports":[{"name":"","port":8443}],
                "endpoints":[{"addresses":["10.42.0.9"],"conditions":{"ready":false}},
                             {"addresses":["10.42.0.7"]}]})"));
  ok(map());
  BOOST_REQUIRE(calls() == 1u);
  BOOST_TEST(hooks->asked[0].url == "https://hook.default.svc:443/mutate?timeout=5s");
  BOOST_TEST(hooks->asked[0].address == "10.42.0.7");
  BOOST_TEST(hooks->asked[0].port == 8443);
}

BOOST_AUTO_TEST_CASE(are_asked_about_connections) {
  configure("validating", "v", {},
            R"({"apiGroups":[""],"apiVersions":["v1"],"resources":["pods/exec"],
                "operations":["CONNECT"]})");
  ok(create("pods", "default",
            R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}})"));
  BOOST_TEST(calls() == 0u);
  ok(create("pods", "default", R"({"command":["sh"],"container":"c"})", "p", "exec"));
  BOOST_REQUIRE(calls() == 1u);
  auto doc = json::parse(hooks->asked[0].body);
  const auto& q = *json::find(*doc, "request");
  BOOST_TEST(json::get_string(q, "operation") == "CONNECT");
  BOOST_TEST(json::get_string(q, "subResource") == "exec");
  BOOST_TEST(json::to_string(*json::find(q, "object")) ==
             R"({"command":["sh"],"container":"c","kind":"PodExecOptions","apiVersion":"v1"})");
  answer(R"("allowed":false,"status":{"code":403,"message":"no shells here"})");
  BOOST_TEST(create("pods", "default", R"({"command":["sh"]})", "p", "exec").failure.message ==
             "admission webhook \"v.example.com\" denied the request: no shells here");
  ok(create("pods", "default", "", "p", "portforward"));
}

BOOST_AUTO_TEST_CASE(make_calls_wait_only_about_what_they_watch) {
  auto call = [](const std::string& resource) {
    return make(verb::create, resource, "default", "", "{}", "");
  };
  BOOST_TEST(!line->may_call_out(call("configmaps")));
  configure("validating", "v");
  BOOST_TEST(line->may_call_out(call("configmaps")));
  BOOST_TEST(!line->may_call_out(call("secrets")));
  BOOST_TEST(!line->may_call_out(call("deployments.apps")));
}

BOOST_AUTO_TEST_SUITE_END()
