#include "actors/controllers/flow_control.hpp"
#include "actors/fixture.hpp"
#include "api/generated/flowcontrol_v1.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using namespace thespis::test;

namespace {

constexpr auto schemas = "flowschemas.flowcontrol.apiserver.k8s.io";
constexpr auto levels = "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io";

struct flow_fixture : cluster_fixture {
  std::shared_ptr<api::fairness::gate> gate = api::fairness::gate::make(100);
  flow_fixture() {
    run_controller([g = gate] { return actors::make_flow_control({g}); });
    // Any object sets it to work.
    create("{apiVersion: flowcontrol.apiserver.k8s.io/v1, kind: PriorityLevelConfiguration, "
           "metadata: {name: own}, spec: {type: Limited, limited: {limitResponse: {type: "
           "Reject}}}}");
    settle();
  }
  std::string level_of(const api::user_info& u) {
    return gate->classify({u, true, "list", "", "v1", "a", "pods", "", "", ""}).by->to->name;
  }
  api::v1::flow_schema_condition condition(const std::string& name) {
    const auto s = api::typed<api::v1::flow_schema>(*get(schemas, name, ""));
    BOOST_REQUIRE_EQUAL(s->status.conditions.size(), 1u);
    return s->status.conditions.front();
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(flow_control, flow_fixture)

BOOST_AUTO_TEST_CASE(makes_what_kubernetes_starts_with_and_says_it_leads_somewhere) {
  BOOST_TEST(api::typed<api::v1::priority_level_configuration>(*get(levels, "workload-low", ""))
                 ->spec.limited->nominal_concurrency_shares.value() == 100);
  const auto c = condition("global-default");
  BOOST_TEST(c.type == "Dangling");
  BOOST_TEST(c.status == "False");
  BOOST_TEST(c.reason == "Found");
  BOOST_TEST(c.message == "This FlowSchema references the PriorityLevelConfiguration object named "
                          "\"global-default\" and it exists");
  // What is deleted comes back.
  remove(schemas, "catch-all", "");
  remove(levels, "system", "");
  settle();
  BOOST_TEST(get(schemas, "catch-all", ""));
  BOOST_TEST(get(levels, "system", ""));
}

BOOST_AUTO_TEST_CASE(follows_schemas_and_says_which_lead_nowhere) {
  const api::user_info ann{"ann", "", {"system:authenticated"}};
  BOOST_TEST(level_of(ann) == "global-default");
  create("{apiVersion: flowcontrol.apiserver.k8s.io/v1, kind: FlowSchema, metadata: {name: anns}, "
         "spec: {priorityLevelConfiguration: {name: fast}, matchingPrecedence: 70, rules: "
         "[{subjects: [{kind: User, user: {name: ann}}], resourceRules: [{verbs: ['*'], apiGroups: "
         "[''], resources: [pods], namespaces: ['*']}]}]}}");
  settle();
  BOOST_TEST(level_of(ann) == "global-default");
  auto c = condition("anns");
  BOOST_TEST(c.status == "True");
  BOOST_TEST(c.reason == "NotFound");
  BOOST_TEST(c.message == "This FlowSchema references the PriorityLevelConfiguration object named "
                          "\"fast\" but there is no such object");
  BOOST_TEST(!c.last_transition_time.empty());
  create(
      "{apiVersion: flowcontrol.apiserver.k8s.io/v1, kind: PriorityLevelConfiguration, metadata: "
      "{name: fast}, spec: {type: Limited, limited: {nominalConcurrencyShares: 5, limitResponse: "
      "{type: Reject}}}}");
  settle();
  BOOST_TEST(level_of(ann) == "fast");
  BOOST_TEST(condition("anns").status == "False");
  remove(schemas, "anns", "");
  settle();
  BOOST_TEST(level_of(ann) == "global-default");
}

BOOST_AUTO_TEST_SUITE_END()
