// matchPolicy: rules that name another version of what is written.
#include "api/outbound/client.hpp"
#include "api/pipeline/cluster_fixture.hpp"
#include "api/text/base64.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using thespis::api::testing::cluster;

namespace {

std::string text_at(const json::value& v, std::initializer_list<std::string_view> path) {
  const auto* at = &v;
  for (const auto key : path)
    if (at)
      at = json::find(*at, key);
  return at && at->IsString() ? std::string(json::as_string(*at)) : std::string{};
}

/// Keeps what it is asked, and answers each review with these members.
class recorder final : public outbound::client {
public:
  result<outbound::answer> send(const outbound::request& r) override {
    asked.push_back(*json::parse(r.body));
    const auto& q = *json::find(asked.back(), "request");
    return outbound::answer{
        200, "application/json",
        R"({"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":")" +
            std::string(json::get_string(q, "uid")) + "\"," + members + "}}"};
  }
  std::vector<json::document> asked;
  std::string members = R"("allowed":true)";
};

struct versions : cluster {
  versions() : versions(std::make_shared<recorder>()) {}
  explicit versions(std::shared_ptr<recorder> r) : cluster({}, r), hook(std::move(r)) {}

  void configure(const std::string& kind, const std::string& rule,
                 const std::string& policy = "Equivalent") {
    ok(create(kind + "webhookconfigurations.admissionregistration.k8s.io", "",
              R"({"metadata":{"name":"w"},"webhooks":[{"name":"w.example.com","matchPolicy":")" +
                  policy + R"(","clientConfig":{"url":"https://w.example.com/hook"},
                  "sideEffects":"None","admissionReviewVersions":["v1"],"rules":[{"operations":["*"],)" +
                  rule + "}]}]}"));
  }

  /// Stored and sent as autoscaling/v2.
  reply scale_by_cpu(const std::string& name = "h") {
    return create("horizontalpodautoscalers.autoscaling", "default",
                  R"({"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":
      {"name":")" + name +
                      R"("},"spec":{"maxReplicas":5,"scaleTargetRef":{"kind":"Deployment",
      "apiVersion":"apps/v1","name":"d"},"metrics":[{"type":"Resource","resource":{"name":"cpu",
      "target":{"type":"Utilization","averageUtilization":40}}}]}})");
  }
  const json::value& request() const { return *json::find(hook->asked.back(), "request"); }

  std::shared_ptr<recorder> hook;
};

constexpr auto v1_autoscalers =
    R"("apiGroups":["autoscaling"],"apiVersions":["v1"],"resources":["horizontalpodautoscalers"])";

} // namespace

BOOST_FIXTURE_TEST_SUITE(equivalents, versions)

BOOST_AUTO_TEST_CASE(webhooks_see_the_version_that_they_name) {
  configure("validating", v1_autoscalers);
  ok(scale_by_cpu());
  BOOST_REQUIRE(hook->asked.size() == 1u);
  BOOST_TEST(text_at(request(), {"kind", "version"}) == "v1");
  BOOST_TEST(text_at(request(), {"resource", "version"}) == "v1");
  BOOST_TEST(text_at(request(), {"requestKind", "version"}) == "v2");
  BOOST_TEST(text_at(request(), {"requestResource", "version"}) == "v2");
  BOOST_TEST(text_at(request(), {"object", "apiVersion"}) == "autoscaling/v1");
  const auto* spec = json::find(*json::find(request(), "object"), "spec");
  BOOST_TEST(json::get_int(*spec, "targetCPUUtilizationPercentage") == 40);
  BOOST_TEST(json::find(*spec, "metrics") == nullptr);
  ok(patch("horizontalpodautoscalers.autoscaling", "default", "h",
           R"({"spec":{"maxReplicas":7}})"));
  BOOST_REQUIRE(hook->asked.size() == 2u);
  BOOST_TEST(text_at(request(), {"oldObject", "apiVersion"}) == "autoscaling/v1");
}

BOOST_AUTO_TEST_CASE(exact_webhooks_see_their_version_only) {
  configure("validating", v1_autoscalers, "Exact");
  ok(scale_by_cpu());
  BOOST_TEST(hook->asked.empty());
}

BOOST_AUTO_TEST_CASE(versions_that_are_not_served_match_nothing) {
  configure("validating", R"("apiGroups":["autoscaling"],"apiVersions":["v9"],"resources":["*"])");
  ok(scale_by_cpu());
  BOOST_TEST(hook->asked.empty());
}

BOOST_AUTO_TEST_CASE(a_rule_about_the_very_version_goes_first) {
  configure("validating",
            R"("apiGroups":["autoscaling"],"apiVersions":["v1","v2"],"resources":["*"])");
  ok(scale_by_cpu());
  BOOST_REQUIRE(hook->asked.size() == 1u);
  BOOST_TEST(text_at(request(), {"object", "apiVersion"}) == "autoscaling/v2");
}

BOOST_AUTO_TEST_CASE(patches_are_of_the_version_that_was_shown) {
  configure("mutating", v1_autoscalers);
  hook->members = R"("allowed":true,"patchType":"JSONPatch","patch":")" +
                  encode_base64(R"([{"op":"replace","path":"/spec/targetCPUUtilizationPercentage",
                                     "value":55}])") +
                  "\"";
  auto made = ok(scale_by_cpu());
  auto doc = made.object->parse();
  BOOST_TEST(text_at(doc, {"apiVersion"}) == "autoscaling/v2");
  const auto* metrics = json::find(*json::find(doc, "spec"), "metrics");
  BOOST_REQUIRE(metrics != nullptr);
  BOOST_REQUIRE(metrics->Size() == 1u);
  const auto* target = json::find(*json::find((*metrics)[0], "resource"), "target");
  BOOST_TEST(json::get_int(*target, "averageUtilization") == 55);
}

BOOST_AUTO_TEST_CASE(other_groups_of_the_same_objects_are_equivalent) {
  configure("validating",
            R"("apiGroups":["events.k8s.io"],"apiVersions":["v1"],"resources":["events"])");
  auto call = make(verb::create, "events", "default", "", "{}", "");
  BOOST_TEST(line->may_call_out(call));
  ok(create("events", "default", R"({"metadata":{"name":"e"},"reason":"Test","message":"hello",
     "involvedObject":{"namespace":"default","kind":"Pod","name":"p"}})"));
  BOOST_REQUIRE(hook->asked.size() == 1u);
  BOOST_TEST(text_at(request(), {"kind", "group"}) == "events.k8s.io");
  BOOST_TEST(text_at(request(), {"requestKind", "group"}) == "");
  BOOST_TEST(text_at(request(), {"object", "note"}) == "hello");
  BOOST_TEST(text_at(request(), {"object", "regarding", "name"}) == "p");
}

BOOST_AUTO_TEST_CASE(policies_judge_the_version_that_they_name) {
  const auto policy = [&](const std::string& match) {
    return R"({"metadata":{"name":"p"},"spec":{"matchConstraints":{"matchPolicy":")" + match +
           R"(","resourceRules":[{"operations":["CREATE"],)" + v1_autoscalers + R"(}]},
      "validations":[{"expression":"object.spec.targetCPUUtilizationPercentage > 50",
        "messageExpression":"request.kind.version + ' for ' + request.requestKind.version"}]}})";
  };
  ok(create("validatingadmissionpolicies.admissionregistration.k8s.io", "", policy("Equivalent")));
  ok(create("validatingadmissionpolicybindings.admissionregistration.k8s.io", "",
            R"({"metadata":{"name":"b"},"spec":{"policyName":"p","validationActions":["Deny"]}})"));
  auto r = scale_by_cpu();
  BOOST_TEST(!r.ok);
  BOOST_TEST(r.failure.message.ends_with("denied request: v1 for v2"));
  ok(patch("validatingadmissionpolicies.admissionregistration.k8s.io", "", "p",
           R"({"spec":{"matchConstraints":{"matchPolicy":"Exact"}}})"));
  ok(scale_by_cpu());
}

BOOST_AUTO_TEST_CASE(policies_alter_the_version_that_they_name) {
  ok(create("mutatingadmissionpolicies.admissionregistration.k8s.io", "",
            R"({"metadata":{"name":"p"},"spec":{"reinvocationPolicy":"Never","matchConstraints":
      {"resourceRules":[{"operations":["CREATE"],)" +
                std::string(v1_autoscalers) + R"(}]},"mutations":[{"patchType":"JSONPatch",
      "jsonPatch":{"expression":
      "[JSONPatch{op: 'replace', path: '/spec/targetCPUUtilizationPercentage', value: 60}]"}}]}})"));
  ok(create("mutatingadmissionpolicybindings.admissionregistration.k8s.io", "",
            R"({"metadata":{"name":"b"},"spec":{"policyName":"p"}})"));
  auto doc = ok(scale_by_cpu()).object->parse();
  const auto* metrics = json::find(*json::find(doc, "spec"), "metrics");
  BOOST_REQUIRE(metrics != nullptr);
  const auto* target = json::find(*json::find((*metrics)[0], "resource"), "target");
  BOOST_TEST(json::get_int(*target, "averageUtilization") == 60);
}

BOOST_AUTO_TEST_SUITE_END()
