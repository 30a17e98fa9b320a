#include "proxy/proxy_state.hpp"

#include "api/yaml.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using proxy::proxy_state;

namespace {

uint64_t revision = 1;

api::watch_event event_of(api::event_kind kind, const char* resource, const std::string& text) {
  auto doc = *api::yaml::parse(text);
  return {kind, api::seal(api::make_draft(resource, doc), ++revision)};
}

api::watch_event service(api::event_kind kind, const std::string& spec) {
  return event_of(kind, "services",
                  "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: default}, "
                  "spec: " +
                      spec + "}");
}

api::watch_event slice(api::event_kind kind, const std::string& name,
                       const std::string& endpoints) {
  return event_of(
      kind, "endpointslices.discovery.k8s.io",
      "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, "
      "metadata: {name: " +
          name +
          ", namespace: default, labels: "
          "{kubernetes.io/service-name: web}}, ports: [{name: http, port: 8080, protocol: "
          "TCP}], endpoints: [" +
          endpoints + "]}");
}

const std::string cluster_ip = "{type: ClusterIP, clusterIP: 10.43.0.9, ports: "
                               "[{name: http, port: 80, protocol: TCP}]}";
const std::string ready_here =
    "{addresses: [10.42.0.2], nodeName: here, conditions: {ready: true}}";
const std::string unready = "{addresses: [10.42.1.2], nodeName: far, conditions: {ready: false}}";
const proxy::service_port_name http{"default", "web", "http"};

using enum api::event_kind;

} // namespace

BOOST_AUTO_TEST_SUITE(proxy_state_suite)

BOOST_AUTO_TEST_CASE(joins_a_service_with_its_slices) {
  proxy_state s{"here"};
  s.apply_slice(slice(added, "web-1", ready_here + ", " + unready));
  s.apply_service(service(added, cluster_ip));
  const auto table = s.table();
  BOOST_REQUIRE_EQUAL(table.size(), 1U);
  const auto& port = table.at(http);
  BOOST_TEST(port.port == 80);
  BOOST_REQUIRE_EQUAL(port.endpoints.size(), 2U);
  BOOST_TEST(port.endpoints[0].port == 8080);
  BOOST_TEST(port.endpoints[0].ready);
  BOOST_TEST(port.endpoints[0].node_local);
  BOOST_TEST(!port.endpoints[1].ready);
  BOOST_TEST(!port.endpoints[1].node_local);
}

BOOST_AUTO_TEST_CASE(knows_all_ranges_of_cluster_addresses) {
  const auto cidr = [](api::event_kind kind, const std::string& name, const std::string& cidrs) {
    return event_of(kind, "servicecidrs.networking.k8s.io",
                    "{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: " +
                        name + "}, spec: {cidrs: [" + cidrs + "]}}");
  };
  using ranges = std::vector<std::string>;
  proxy_state s{"here", {"10.43.0.0/16"}};
  BOOST_TEST((s.service_cidrs() == ranges{"10.43.0.0/16"}));
  s.apply_service_cidr(cidr(added, "kubernetes", "10.43.0.0/16"));
  s.apply_service_cidr(cidr(added, "within", "10.43.7.0/24"));
  s.apply_service_cidr(cidr(added, "more", "10.99.7.0/28, '2001:db8::/64'"));
  BOOST_TEST((s.service_cidrs() == ranges{"10.43.0.0/16", "10.99.7.0/28", "2001:db8::/64"}));
  s.apply_service_cidr(cidr(deleted, "more", "10.99.7.0/28"));
  BOOST_TEST((s.service_cidrs() == ranges{"10.43.0.0/16"}));
}

BOOST_AUTO_TEST_CASE(tells_only_what_changed) {
  proxy_state s{"here"};
  s.apply_service(service(added, cluster_ip));
  s.apply_slice(slice(added, "web-1", ready_here));
  s.table();
  BOOST_TEST(!s.changed());
  s.apply_slice(slice(modified, "web-1", ready_here));
  BOOST_TEST(s.take_changes().empty());
  s.apply_slice(slice(added, "web-2", unready));
  const auto changes = s.take_changes();
  BOOST_REQUIRE_EQUAL(changes.size(), 1U);
  BOOST_TEST(changes.at(http)->endpoints.size() == 2U);
  s.apply_slice(slice(deleted, "web-1", ready_here));
  BOOST_TEST(s.take_changes().at(http)->endpoints.size() == 1U);
}

BOOST_AUTO_TEST_CASE(takes_back_ports_and_services_that_go) {
  proxy_state s{"here"};
  s.apply_service(service(added, "{type: ClusterIP, clusterIP: 10.43.0.9, ports: [{name: http, "
                                 "port: 80}, {name: admin, port: 81}]}"));
  BOOST_TEST(s.table().size() == 2U);
  s.apply_service(service(modified, cluster_ip));
  auto changes = s.take_changes();
  BOOST_REQUIRE_EQUAL(changes.size(), 1U);
  BOOST_TEST(!changes.at({"default", "web", "admin"}).has_value());
  s.apply_service(service(deleted, cluster_ip));
  changes = s.take_changes();
  BOOST_REQUIRE_EQUAL(changes.size(), 1U);
  BOOST_TEST(!changes.at(http).has_value());
}

BOOST_AUTO_TEST_CASE(programs_neither_headless_nor_external_names) {
  proxy_state s{"here"};
  s.apply_service(service(added, "{type: ClusterIP, clusterIP: None, ports: [{port: 80}]}"));
  BOOST_TEST(s.table().empty());
  s.apply_service(service(modified, "{type: ExternalName, externalName: x.example}"));
  BOOST_TEST(s.table().empty());
}

BOOST_AUTO_TEST_CASE(tells_load_balancers_of_local_endpoints_and_whom_to_let_in) {
  proxy_state s{"here"};
  auto e =
      service(added, "{type: LoadBalancer, clusterIP: 10.43.0.9, externalTrafficPolicy: Local, "
                     "healthCheckNodePort: 30099, loadBalancerSourceRanges: [192.0.2.0/24], "
                     "ports: [{name: http, port: 80}]}");
  auto doc = e.object->parse();
  auto& a = doc.GetAllocator();
  const auto status = api::json::parse(
      R"({"loadBalancer":{"ingress":[{"ip":"203.0.113.9"},{"ip":"203.0.113.8","ipMode":"Proxy"}]}})");
  api::json::set(doc, "status", api::json::copy(*status, a), a);
  e.object = std::make_shared<const api::object>(e.object->meta(), api::json::to_string(doc));
  s.apply_service(e);
  BOOST_TEST(s.table().at(http).external_ips == std::vector<std::string>{"203.0.113.9"});
  BOOST_TEST(s.guards().v4.begin()->first == "203.0.113.9 . tcp . 80");
  BOOST_TEST(s.health().at(30099).local_endpoints == 0u);
  s.apply_slice(slice(added, "web-1", ready_here));
  (void)s.take_changes();
  BOOST_TEST(s.health().at(30099).local_endpoints == 1u);
  BOOST_TEST(s.health().at(30099).service == "web");
}

BOOST_AUTO_TEST_CASE(carries_affinity_and_policies) {
  proxy_state s{"here"};
  s.apply_service(service(added,
                          "{type: NodePort, clusterIP: 10.43.0.9, sessionAffinity: ClientIP, "
                          "externalTrafficPolicy: Local, ports: [{name: http, port: 80, "
                          "nodePort: 30080, protocol: UDP}]}"));
  const auto port = s.table().at(http);
  BOOST_TEST(port.affinity_seconds == 10800U);
  BOOST_TEST(port.external_local);
  BOOST_TEST(!port.internal_local);
  BOOST_TEST(port.node_port == 30080);
  BOOST_TEST((port.proto == proxy::protocol::udp));
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

std::string in_zone(const std::string& ip, const std::string& hints, bool ready = true) {
  return "{addresses: [" + ip +
         "], nodeName: far, conditions: {ready: " + (ready ? "true" : "false") + "}" +
         (hints.empty() ? "" : ", hints: {" + hints + "}") + "}";
}

/// The addresses that this machine's flows may go to.
std::set<std::string> open_to_us(proxy_state& s) {
  std::set<std::string> res;
  const auto table = s.table();
  for (const auto& e : table.at(http).endpoints)
    if (!e.passed_over)
      res.insert(e.ip);
  return res;
}

proxy_state hinted(const std::string& endpoints) {
  proxy_state s{"here"};
  s.apply_node(event_of(added, "nodes",
                        "{apiVersion: v1, kind: Node, metadata: {name: here, labels: "
                        "{topology.kubernetes.io/zone: east}}}"));
  s.apply_service(service(added, cluster_ip));
  s.apply_slice(slice(added, "web-1", endpoints));
  return s;
}

} // namespace

BOOST_AUTO_TEST_SUITE(topology_hints)

BOOST_AUTO_TEST_CASE(keep_flows_in_the_zone) {
  auto s = hinted(in_zone("10.42.0.2", "forZones: [{name: east}]") + ", " +
                  in_zone("10.42.0.3", "forZones: [{name: west}]"));
  BOOST_TEST((open_to_us(s) == std::set<std::string>{"10.42.0.2"}));
  s.apply_node(event_of(modified, "nodes",
                        "{apiVersion: v1, kind: Node, metadata: {name: here, labels: "
                        "{topology.kubernetes.io/zone: west}}}"));
  BOOST_TEST(s.changed());
  BOOST_TEST((open_to_us(s) == std::set<std::string>{"10.42.0.3"}));
}

BOOST_AUTO_TEST_CASE(are_not_heeded_when_a_ready_endpoint_has_none_or_none_is_for_us) {
  auto one_without =
      hinted(in_zone("10.42.0.2", "forZones: [{name: east}]") + ", " + in_zone("10.42.0.3", ""));
  BOOST_TEST(open_to_us(one_without).size() == 2U);
  auto only_others = hinted(in_zone("10.42.0.2", "forZones: [{name: west}]"));
  BOOST_TEST(open_to_us(only_others).size() == 1U);
  auto unready_without = hinted(in_zone("10.42.0.2", "forZones: [{name: east}]") + ", " +
                                in_zone("10.42.0.3", "forZones: [{name: west}]") + ", " +
                                in_zone("10.42.0.4", "", false));
  BOOST_TEST(!open_to_us(unready_without).contains("10.42.0.3"));
}

BOOST_AUTO_TEST_CASE(for_a_node_go_before_those_for_a_zone) {
  auto s = hinted(in_zone("10.42.0.2", "forZones: [{name: east}], forNodes: [{name: here}]") +
                  ", " + in_zone("10.42.0.3", "forZones: [{name: east}], forNodes: [{name: far}]"));
  BOOST_TEST((open_to_us(s) == std::set<std::string>{"10.42.0.2"}));
  auto elsewhere =
      hinted(in_zone("10.42.0.2", "forZones: [{name: east}], forNodes: [{name: far}]") + ", " +
             in_zone("10.42.0.3", "forZones: [{name: west}], forNodes: [{name: far}]"));
  BOOST_TEST((open_to_us(elsewhere) == std::set<std::string>{"10.42.0.2"}));
}

BOOST_AUTO_TEST_CASE(each_family_of_a_service_is_a_port_of_its_own) {
  const proxy::service_port_name http6{"default", "web", "http", proxy::ip_family::v6};
  proxy_state s{"here", {"10.43.0.0/16", "fd43::/108"}};
  s.apply_slice(slice(added, "web-1", ready_here));
  s.apply_slice(
      event_of(added, "endpointslices.discovery.k8s.io",
               "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv6, "
               "metadata: {name: web-6, namespace: default, labels: "
               "{kubernetes.io/service-name: web}}, ports: [{name: http, port: 8080, "
               "protocol: TCP}], endpoints: [{addresses: ['fd42::2'], nodeName: here, "
               "conditions: {ready: true}}]}"));
  const auto both = [](const std::string& families, const std::string& ips) {
    return service(modified, "{type: LoadBalancer, clusterIP: 10.43.0.9, clusterIPs: [" + ips +
                                 "], ipFamilies: [" + families +
                                 "], externalIPs: [203.0.113.1, '2001:db8::1'], ports: [{name: "
                                 "http, port: 80, nodePort: 30080, protocol: TCP}]}");
  };
  s.apply_service(both("IPv4, IPv6", "10.43.0.9, 'fd43::9'"));
  auto table = s.table();
  BOOST_REQUIRE_EQUAL(table.size(), 2U);
  const auto& six = table.at(http6);
  BOOST_TEST(six.cluster_ips == std::vector<std::string>{"fd43::9"});
  BOOST_TEST(six.external_ips == std::vector<std::string>{"2001:db8::1"});
  BOOST_TEST(six.node_port == 30080);
  BOOST_REQUIRE_EQUAL(six.endpoints.size(), 1U);
  BOOST_TEST(six.endpoints.front().ip == "fd42::2");
  BOOST_TEST(table.at(http).cluster_ips == std::vector<std::string>{"10.43.0.9"});
  BOOST_TEST(table.at(http).endpoints.front().ip == "10.42.0.2");
  // A family that the Service gives up is gone, and with it its node port.
  s.apply_service(both("IPv4", "10.43.0.9"));
  const auto changes = s.take_changes();
  BOOST_REQUIRE_EQUAL(changes.size(), 1U);
  BOOST_TEST(!changes.at(http6).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
