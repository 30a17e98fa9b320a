#include "actors/controllers/resource_quota.hpp"

#include "actors/pods.hpp"

using namespace thespis;
using namespace thespis::test;

namespace {

struct quota_fixture : cluster_fixture {
  quota_fixture() {
    run_controller([] { return actors::make_resource_quota_controller(); });
  }

  void quota(const std::string& hard, const std::string& more = {}) {
    create("{apiVersion: v1, kind: ResourceQuota, metadata: {name: q, namespace: default}, spec: "
           "{hard: " +
           hard + more + "}}");
  }
  void pod(const std::string& name, const std::string& resources = "{}") {
    create("{apiVersion: v1, kind: Pod, metadata: {name: " + name +
           ", namespace: default}, spec: {containers: [{name: c, image: i, resources: " +
           resources + "}]}}");
  }
  /// The quota's status as JSON.
  std::string status() {
    settle();
    const auto doc = get("resourcequotas", "q")->parse();
    return api::json::to_string(*api::json::find(doc, "status"));
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(resource_quota_controller, quota_fixture)

BOOST_AUTO_TEST_CASE(tells_of_a_new_quota_what_is_used_already) {
  pod("a", "{requests: {cpu: 500m}}");
  pod("b", "{requests: {cpu: 250m}}");
  quota("{pods: '3', requests.cpu: '2'}");
  BOOST_TEST(
      status() ==
      R"({"hard":{"pods":"3","requests.cpu":"2"},"used":{"pods":"2","requests.cpu":"750m"}})");
}

BOOST_AUTO_TEST_CASE(follows_what_comes_and_goes) {
  quota("{pods: '3', configmaps: '5', count/secrets: '5'}");
  BOOST_TEST(
      status() ==
      R"({"hard":{"configmaps":"5","count/secrets":"5","pods":"3"},"used":{"configmaps":"0","count/secrets":"0","pods":"0"}})");
  pod("a");
  create("{apiVersion: v1, kind: ConfigMap, metadata: {name: m, namespace: default}}");
  create("{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: default}}");
  BOOST_TEST(status().find(R"("used":{"configmaps":"1","count/secrets":"1","pods":"1"})") !=
             std::string::npos);
  remove("pods", "a");
  remove("configmaps", "m");
  BOOST_TEST(status().find(R"("used":{"configmaps":"0","count/secrets":"1","pods":"0"})") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(lets_go_of_finished_pods_at_once) {
  quota("{pods: '1'}");
  pod("a");
  patch("pods", "a", "{status: {phase: Failed}}", "status");
  BOOST_TEST(status() == R"({"hard":{"pods":"1"},"used":{"pods":"0"}})");
}

BOOST_AUTO_TEST_CASE(looks_again_at_pods_that_should_be_gone) {
  quota("{pods: '1'}");
  pod("a");
  run_pod(*this, list<api::v1::pod>().front());
  remove("pods", "a");
  BOOST_TEST(status() == R"({"hard":{"pods":"1"},"used":{"pods":"1"}})");
  advance(10min);
  BOOST_TEST(status() == R"({"hard":{"pods":"1"},"used":{"pods":"0"}})");
}

BOOST_AUTO_TEST_CASE(takes_a_changed_limit_over_and_drops_what_is_limited_no_more) {
  quota("{pods: '1', services: '2'}");
  settle();
  patch("resourcequotas", "q", "{spec: {hard: {pods: '4', services: null}}}");
  BOOST_TEST(status() == R"({"hard":{"pods":"4"},"used":{"pods":"0"}})");
}

BOOST_AUTO_TEST_CASE(counts_only_what_is_in_scope) {
  quota("{pods: '5'}", ", scopes: [BestEffort]");
  pod("a");
  pod("b", "{requests: {cpu: 1}}");
  BOOST_TEST(status() == R"({"hard":{"pods":"5"},"used":{"pods":"1"}})");
}

BOOST_AUTO_TEST_CASE(rests_when_nothing_changes) {
  quota("{pods: '5'}");
  pod("a");
  settle();
  const auto before = get("resourcequotas", "q")->revision();
  advance(1h);
  BOOST_TEST(get("resourcequotas", "q")->revision() == before);
}

BOOST_AUTO_TEST_SUITE_END()
