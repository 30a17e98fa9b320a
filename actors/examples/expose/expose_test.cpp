// A controller is tested against a whole cluster on a virtual clock: nothing waits, nothing is left
// to chance.
#define BOOST_TEST_MODULE expose
#include "tests/actors/fixture.hpp"

#include "expose.hpp"

#include "api/generated/core_v1_event.hpp"
#include "api/generated/core_v1_service.hpp"

using namespace thespis;
using namespace thespis::test;

namespace {

struct expose_fixture : cluster_fixture {
  expose_fixture() {
    run_controller([] { return expose::make_expose_controller(); });
  }

  void deployment(const std::string& name, const std::string& port) {
    create("{apiVersion: apps/v1, kind: Deployment, metadata: {name: " + name +
           ", annotations: {expose.example.com/port: \"" + port +
           "\"}}, spec: {selector: {matchLabels: {app: " + name +
           "}}, template: {metadata: {labels: {app: " + name +
           "}}, spec: {containers: [{name: main, image: web}]}}}}");
    settle();
  }

  std::vector<std::string> reasons() const {
    std::vector<std::string> res;
    for (const auto& e : list<api::v1::event>())
      res.push_back(e.reason);
    return res;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(expose_controller, expose_fixture)

BOOST_AUTO_TEST_CASE(an_annotated_deployment_gets_a_service_that_leads_to_its_pods) {
  deployment("web", "8080");
  const auto s = get<api::v1::service>("web");
  BOOST_TEST(s.spec.selector.at("app") == "web");
  BOOST_REQUIRE(s.spec.ports.size() == 1);
  BOOST_TEST(s.spec.ports.front().port == 8080);
  BOOST_TEST(s.metadata.owner_references.front().name == "web");
  BOOST_TEST((reasons() == std::vector<std::string>{"Exposed"}));
}

BOOST_AUTO_TEST_CASE(the_service_follows_the_annotation) {
  deployment("web", "8080");
  const auto uid = get("services", "web")->uid();
  patch("deployments.apps", "web",
        "{metadata: {annotations: {expose.example.com/port: \"9090\"}}}");
  settle();
  BOOST_TEST(get<api::v1::service>("web").spec.ports.front().port == 9090);
  BOOST_TEST(get("services", "web")->uid() == uid);
  patch("deployments.apps", "web", "{metadata: {annotations: {expose.example.com/port: null}}}");
  settle();
  BOOST_TEST(!get("services", "web"));
}

BOOST_AUTO_TEST_CASE(a_service_that_somebody_deletes_comes_again) {
  deployment("web", "8080");
  remove("services", "web");
  settle();
  BOOST_TEST(get<api::v1::service>("web").spec.ports.front().port == 8080);
}

BOOST_AUTO_TEST_CASE(anothers_service_is_left_alone) {
  create("{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 1}]}}");
  deployment("web", "8080");
  BOOST_TEST(get<api::v1::service>("web").spec.ports.front().port == 1);
  BOOST_TEST((reasons() == std::vector<std::string>{"NameTaken"}));
}

BOOST_AUTO_TEST_CASE(what_is_no_port_is_told_to_people) {
  for (const auto* text : {"0", "65536", "http", "80x", "-1", ""})
    deployment("d" + std::to_string(count("deployments.apps")), text);
  BOOST_TEST(count("services") == 0u);
  BOOST_TEST(reasons().size() == 6u);
}

BOOST_AUTO_TEST_SUITE_END()
