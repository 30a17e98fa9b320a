#include "actors/controllers/endpoint_slice.hpp"
#include "actors/controllers/endpoints.hpp"
#include "actors/pods.hpp"
#include "api/generated/core_v1_service.hpp"
#include "api/generated/discovery_v1.hpp"

#include <map>
#include <set>

using namespace thespis;
using namespace thespis::test;
using api::v1::endpoint_slice;
using api::v1::endpoints;

namespace {

struct endpoint_fixture : cluster_fixture {
  endpoint_fixture() {
    run_controller([] { return actors::make_endpoint_slice_controller({3}); });
    run_controller([] { return actors::make_endpoints_controller(); });
  }

  void make_service(const std::string& more = "ports: [{port: 80, targetPort: http}]") {
    create("{apiVersion: v1, kind: Service, metadata: {name: web, labels: {tier: front}}, spec: "
           "{selector: {app: web}, " +
           more + "}}");
  }

  void make_pod(const std::string& name, int port = 8080, const std::string& more = "") {
    create("{apiVersion: v1, kind: Pod, metadata: {name: " + name +
           ", labels: {app: web}}, spec: {" + more +
           "containers: [{name: main, image: web, ports: [{name: http, containerPort: " +
           std::to_string(port) + "}]}]}}");
  }

  void run(const std::string& name, bool ready = true, int address = 0) {
    run_pod(*this, get<api::v1::pod>(name), ready, "default", address);
    settle();
  }

  /// All endpoints of all slices, by pod.
  std::map<std::string, api::v1::slice_endpoint> by_pod() const {
    std::map<std::string, api::v1::slice_endpoint> res;
    for (const auto& s : list<endpoint_slice>())
      for (const auto& e : s.endpoints)
        BOOST_TEST(res.emplace(e.target_ref->name, e).second);
    return res;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(endpoint_slice_controller, endpoint_fixture)

BOOST_AUTO_TEST_CASE(slice_carries_labels_owner_ports_and_endpoint) {
  make_pod("a");
  make_service();
  run("a");
  const auto slices = list<endpoint_slice>();
  BOOST_REQUIRE(slices.size() == 1);
  const auto& s = slices.front();
  BOOST_TEST(s.metadata.name.rfind("web-", 0) == 0);
  BOOST_TEST(s.metadata.labels.at("kubernetes.io/service-name") == "web");
  BOOST_TEST(s.metadata.labels.at("endpointslice.kubernetes.io/managed-by") ==
             "endpointslice-controller.k8s.io");
  BOOST_TEST(s.metadata.labels.at("tier") == "front");
  BOOST_TEST(s.metadata.owner_references.front().kind == "Service");
  BOOST_TEST(s.address_type == "IPv4");
  BOOST_TEST(*s.ports.front().port == 8080);
  const auto& e = s.endpoints.front();
  BOOST_TEST(e.addresses.front() == get<api::v1::pod>("a").status.pod_ip);
  BOOST_TEST(e.node_name == "node-1");
  BOOST_TEST(e.target_ref->name == "a");
  BOOST_TEST(*e.conditions->ready);
  BOOST_TEST(*e.conditions->serving);
  BOOST_TEST(!*e.conditions->terminating);
}

BOOST_AUTO_TEST_CASE(readiness_and_termination_are_told) {
  make_pod("a");
  make_service();
  run("a", false);
  BOOST_TEST(!*by_pod().at("a").conditions->ready);
  run("a", true);
  BOOST_TEST(*by_pod().at("a").conditions->ready);
  remove("pods", "a");
  settle();
  const auto e = by_pod().at("a");
  BOOST_TEST(!*e.conditions->ready);
  BOOST_TEST(*e.conditions->serving);
  BOOST_TEST(*e.conditions->terminating);
  remove("pods", "a", "default", api::propagation::background, 0);
  settle();
  BOOST_TEST(by_pod().empty());
  // One empty slice says that nobody is there.
  BOOST_TEST(count("endpointslices.discovery.k8s.io") == 1);
}

BOOST_AUTO_TEST_CASE(unready_pods_are_published_when_the_service_asks_for_it) {
  make_pod("a");
  make_service("publishNotReadyAddresses: true, ports: [{port: 80}]");
  run("a", false);
  BOOST_TEST(*by_pod().at("a").conditions->ready);
  BOOST_TEST(!*by_pod().at("a").conditions->serving);
}

BOOST_AUTO_TEST_CASE(slices_hold_a_bounded_number_and_change_little) {
  make_service();
  for (const auto* name : {"a", "b", "c", "d", "e", "f", "g"}) {
    make_pod(name);
    run(name);
  }
  BOOST_TEST(by_pod().size() == 7);
  BOOST_TEST(count("endpointslices.discovery.k8s.io") == 3);
  std::map<std::string, std::string> before;
  for (const auto& s : list<endpoint_slice>()) {
    BOOST_TEST(s.endpoints.size() <= 3);
    before[s.metadata.name] = s.metadata.resource_version;
  }
  remove("pods", "b", "default", api::propagation::background, 0);
  settle();
  int changed = 0;
  for (const auto& s : list<endpoint_slice>())
    changed += before.at(s.metadata.name) != s.metadata.resource_version;
  BOOST_TEST(changed == 1);
  BOOST_TEST(by_pod().size() == 6);
}

BOOST_AUTO_TEST_CASE(pods_that_number_a_port_differently_get_their_own_slice) {
  make_service();
  make_pod("a", 8080);
  make_pod("b", 9090);
  run("a");
  run("b");
  std::set<int> ports;
  for (const auto& s : list<endpoint_slice>())
    ports.insert(*s.ports.front().port);
  BOOST_TEST((ports == std::set<int>{8080, 9090}));
}

BOOST_AUTO_TEST_CASE(hostname_is_told_below_the_services_domain) {
  make_pod("a", 8080, "hostname: first, subdomain: web, ");
  make_service("clusterIP: None, ports: [{port: 80}]");
  run("a");
  BOOST_TEST(by_pod().at("a").hostname == "first");
  const auto s = list<endpoint_slice>().front();
  BOOST_TEST(s.metadata.labels.count("service.kubernetes.io/headless") == 1);
}

BOOST_AUTO_TEST_CASE(service_without_selector_is_left_alone) {
  create("{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}");
  create("{apiVersion: v1, kind: Endpoints, metadata: {name: web}, subsets: [{addresses: [{ip: "
         "192.0.2.1}], ports: [{port: 80}]}]}");
  settle();
  BOOST_TEST(count("endpointslices.discovery.k8s.io") == 0);
  BOOST_TEST(get<endpoints>("web").subsets.size() == 1);
}

BOOST_AUTO_TEST_CASE(a_deleted_slice_is_made_again_and_a_deleted_service_takes_its_slices) {
  make_pod("a");
  make_service();
  run("a");
  remove("endpointslices.discovery.k8s.io", list<endpoint_slice>().front().metadata.name);
  settle();
  BOOST_TEST(by_pod().size() == 1);
  remove("services", "web");
  settle();
  BOOST_TEST(count("endpointslices.discovery.k8s.io") == 0);
  BOOST_TEST(count("endpoints") == 0);
}

BOOST_AUTO_TEST_CASE(a_pod_that_changes_its_labels_leaves) {
  make_pod("a");
  make_service();
  run("a");
  patch("pods", "a", "{metadata: {labels: {app: other}}}");
  settle();
  BOOST_TEST(by_pod().empty());
  BOOST_TEST(get<endpoints>("web").subsets.empty());
}

BOOST_AUTO_TEST_CASE(writes_nothing_while_nothing_changes) {
  make_pod("a");
  make_service();
  run("a");
  const auto before = state().revision();
  advance(1h);
  BOOST_TEST(state().revision() == before);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(endpoints_controller, endpoint_fixture)

BOOST_AUTO_TEST_CASE(ready_and_unready_addresses_are_apart) {
  make_service();
  make_pod("a");
  make_pod("b");
  run("a", true, 300);
  run("b", false, 301);
  const auto e = get<endpoints>("web");
  BOOST_REQUIRE(e.subsets.size() == 1);
  BOOST_REQUIRE(e.subsets[0].addresses.size() == 1);
  BOOST_REQUIRE(e.subsets[0].not_ready_addresses.size() == 1);
  BOOST_TEST(e.subsets[0].addresses[0].target_ref->name == "a");
  BOOST_TEST(e.subsets[0].addresses[0].node_name == "node-1");
  BOOST_TEST(e.subsets[0].not_ready_addresses[0].target_ref->name == "b");
  BOOST_TEST(e.subsets[0].ports[0].port == 8080);
  BOOST_TEST(e.metadata.labels.at("tier") == "front");
}

BOOST_AUTO_TEST_CASE(terminating_pods_are_not_listed) {
  make_service();
  make_pod("a");
  run("a");
  remove("pods", "a");
  settle();
  BOOST_TEST(get<endpoints>("web").subsets.empty());
}

BOOST_AUTO_TEST_SUITE_END()
