#include "actors/controllers/policy_status.hpp"
#include "actors/fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using namespace thespis::test;

namespace {

constexpr auto policies = "validatingadmissionpolicies.admissionregistration.k8s.io";

struct status_fixture : cluster_fixture {
  status_fixture() {
    run_controller([] { return actors::make_policy_status_controller(nullptr); });
  }

  std::string status() {
    auto doc = get(policies, "p", "")->parse();
    const auto* s = api::json::find(doc, "status");
    return s == nullptr ? "" : api::json::to_string(*s);
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(policy_status, status_fixture)

BOOST_AUTO_TEST_CASE(tells_what_does_not_fit_and_that_it_looked) {
  create("{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy, metadata: "
         "{name: p}, spec: {matchConstraints: {resourceRules: [{apiGroups: [apps], apiVersions: "
         "[v1], operations: [CREATE], resources: [deployments]}]}, validations: [{expression: "
         "object.spec.replcas > 1}]}}");
  settle();
  BOOST_TEST(status() ==
             R"({"observedGeneration":1,"typeChecking":{"expressionWarnings":[{"fieldRef":)"
             R"("spec.validations[0].expression","warning":"apps/v1, Kind=Deployment: ERROR: )"
             R"(<input>:1:12: undefined field 'replcas'\n | object.spec.replcas > 1\n | )"
             R"(...........^\n"}]}})");
  patch(policies, "p", R"({"spec":{"validations":[{"expression":"object.spec.replicas > 1"}]}})",
        "", "");
  settle();
  BOOST_TEST(status() == R"({"observedGeneration":2,"typeChecking":{}})");
}

BOOST_AUTO_TEST_SUITE_END()
