#include "actors/controllers/api_services.hpp"
#include "actors/fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using namespace thespis::test;

namespace {

constexpr auto definitions = "customresourcedefinitions.apiextensions.k8s.io";
constexpr auto api_services = "apiservices.apiregistration.k8s.io";

/// Answers as the test says.
struct scripted_host final : actors::extension_host {
  answer ask(const api::v1::api_service&) override {
    ++asked;
    return next;
  }
  void suspend(const api::v1::api_service&) override { ++suspended; }
  void withdraw(const std::string& group, const std::string& version) override {
    withdrawn = version + "." + group;
  }
  answer next;
  int asked = 0, suspended = 0;
  std::string withdrawn;
};

struct api_services_fixture : cluster_fixture {
  api_services_fixture() {
    run_controller([deps = actors::api_service_deps{host}] {
      return actors::make_api_service_controller(deps);
    });
  }

  void create_remote() {
    create("{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: "
           "v1.sea.example.com}, spec: {group: sea.example.com, version: v1, "
           "groupPriorityMinimum: 2000, versionPriority: 10, insecureSkipTLSVerify: true, service: "
           "{namespace: default, name: sea, port: 443}}}");
    settle();
  }

  void create_service(int port) {
    create("{apiVersion: v1, kind: Service, metadata: {name: sea}, spec: {clusterIP: None, ports: "
           "[{name: https, port: " +
           std::to_string(port) + "}]}}");
    settle();
  }

  void create_slice(const std::string& ready, const std::string& port) {
    create(
        "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: sea-" + port +
        ready +
        ", labels: {kubernetes.io/service-name: sea}}, addressType: IPv4, ports: [{name: " + port +
        ", port: 1}], endpoints: [{addresses: [10.0.0.7], conditions: {ready: " + ready + "}}]}");
    settle();
  }

  void create_definition(const std::string& versions) {
    create("{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: "
           "boats.sea.example.com}, spec: {group: sea.example.com, scope: Cluster, names: {plural: "
           "boats, kind: Boat}, versions: " +
           versions + "}}");
    settle();
  }

  /// "True Passed: all checks passed"
  std::string available(const std::string& name = "v1.sea.example.com") {
    const auto o = get(api_services, name, "");
    if (!o)
      return "gone";
    const auto a = api::typed<api::v1::api_service>(*o);
    if (a->status.conditions.empty())
      return "unknown";
    const auto& c = a->status.conditions.front();
    return c.status + " " + c.reason + ": " + c.message;
  }

  std::shared_ptr<scripted_host> host = std::make_shared<scripted_host>();
};

constexpr auto one_version =
    "[{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]";

} // namespace

BOOST_FIXTURE_TEST_SUITE(api_service_controller, api_services_fixture)

BOOST_AUTO_TEST_CASE(our_own_are_always_available) {
  create("{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v1.apps}, "
         "spec: {group: apps, version: v1, groupPriorityMinimum: 1, versionPriority: 1}}");
  settle();
  BOOST_TEST(available("v1.apps") == "True Local: Local APIServices are always available");
  BOOST_TEST(host->asked == 0);
}

BOOST_AUTO_TEST_CASE(tells_what_is_missing_on_the_way) {
  create_remote();
  BOOST_TEST(available() == "False ServiceNotFound: service/sea in \"default\" is not present");
  create_service(80);
  BOOST_TEST(available() ==
             "False ServicePortError: service/sea in \"default\" is not listening on port 443");
  patch("services", "sea", R"({"spec":{"ports":[{"name":"https","port":443,"protocol":"TCP"}]}})");
  settle();
  BOOST_TEST(available() ==
             "False EndpointsNotFound: cannot find endpointslices for service/sea in \"default\"");
  create_slice("false", "https");
  create_slice("true", "other");
  BOOST_TEST(available() == "False MissingEndpoints: endpointslices for service/sea in \"default\" "
                            "have no addresses with port name \"https\"");
  BOOST_TEST(host->asked == 0);
  BOOST_TEST(host->suspended > 0);
  create_slice("true", "https");
  BOOST_TEST(host->asked == 1);
}

BOOST_AUTO_TEST_CASE(asks_until_it_is_answered_and_again_from_time_to_time) {
  create_service(443);
  create_slice("true", "https");
  create_remote();
  BOOST_TEST(available() == "unknown");
  host->next = {true, true, ""};
  advance(50ms);
  BOOST_TEST(available() == "True Passed: all checks passed");
  host->next = {true, false, "failing or missing response"};
  advance(29s);
  BOOST_TEST(available() == "True Passed: all checks passed");
  advance(1s);
  BOOST_TEST(available() == "False FailedDiscoveryCheck: failing or missing response");
  host->next = {true, true, ""};
  advance(2s);
  BOOST_TEST(available() == "True Passed: all checks passed");
  remove(api_services, "v1.sea.example.com", "");
  settle();
  BOOST_TEST(host->withdrawn == "v1.sea.example.com");
}

BOOST_AUTO_TEST_CASE(those_of_custom_resources_come_and_go_with_them) {
  create_definition(one_version);
  BOOST_TEST(available() == "True Local: Local APIServices are always available");
  remove(api_services, "v1.sea.example.com", "");
  settle();
  BOOST_TEST(available() == "True Local: Local APIServices are always available");
  remove(definitions, "boats.sea.example.com", "");
  patch(definitions, "boats.sea.example.com", R"({"metadata":{"finalizers":null}})", "", "");
  settle();
  BOOST_TEST(available() == "gone");
}

BOOST_AUTO_TEST_SUITE_END()
