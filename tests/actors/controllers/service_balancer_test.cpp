#include "actors/controllers/service_balancer.hpp"
#include "actors/fixture.hpp"
#include "api/generated/core_v1_event.hpp"
#include "api/generated/core_v1_service.hpp"

#include <algorithm>

using namespace thespis;
using namespace thespis::test;

namespace {

struct balancer_fixture : cluster_fixture {
  balancer_fixture() {
    run_controller([] { return actors::make_service_balancer({{6443}}); });
    make_node("node-1", "192.0.2.1");
    make_node("node-2", "192.0.2.2");
  }

  void make_node(const std::string& name, const std::string& ip) {
    create("{apiVersion: v1, kind: Node, metadata: {name: " + name + "}}");
    patch("nodes", name,
          "{status: {addresses: [{type: InternalIP, address: " + ip +
              "}], conditions: [{type: Ready, status: 'True'}]}}",
          "status", "");
  }

  void make_service(const std::string& name, int port, const std::string& more = "") {
    create("{apiVersion: v1, kind: Service, metadata: {name: " + name +
           "}, spec: {type: LoadBalancer, ports: [{port: " + std::to_string(port) + "}], " + more +
           "}}");
    advance(1s);
  }

  std::vector<std::string> ingress(const std::string& name) const {
    std::vector<std::string> res;
    const auto s = get<api::v1::service>(name);
    if (s.status.load_balancer)
      for (const auto& i : s.status.load_balancer->ingress)
        res.push_back(i.ip);
    return res;
  }

  bool warned(const std::string& text) const {
    const auto all = list<api::v1::event>();
    return std::any_of(all.begin(), all.end(), [&](const auto& e) {
      return e.reason == "SyncLoadBalancerFailed" && e.message.find(text) != std::string::npos;
    });
  }
};

using ips = std::vector<std::string>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(service_balancer, balancer_fixture)

BOOST_AUTO_TEST_CASE(a_service_gets_the_addresses_of_the_ready_nodes) {
  make_service("web", 80);
  BOOST_TEST((ingress("web") == ips{"192.0.2.1", "192.0.2.2"}));
  BOOST_TEST(get<api::v1::service>("web").status.load_balancer->ingress[0].ip_mode == "VIP");
  patch("nodes", "node-1", "{status: {conditions: [{type: Ready, status: 'False'}]}}", "status",
        "");
  settle();
  BOOST_TEST((ingress("web") == ips{"192.0.2.2"}));
}

BOOST_AUTO_TEST_CASE(a_node_can_be_left_out) {
  make_service("web", 80);
  patch("nodes", "node-2",
        "{metadata: {labels: {node.kubernetes.io/exclude-from-external-load-balancers: ''}}}", "",
        "");
  settle();
  BOOST_TEST((ingress("web") == ips{"192.0.2.1"}));
}

BOOST_AUTO_TEST_CASE(another_class_is_another_balancers) {
  make_service("web", 80, "loadBalancerClass: example.com/vip");
  BOOST_TEST(ingress("web").empty());
  make_service("own", 81, "loadBalancerClass: thespis.dev/nodes");
  BOOST_TEST(ingress("own").size() == 2);
}

BOOST_AUTO_TEST_CASE(local_policy_counts_nodes_with_endpoints_only) {
  make_service("web", 80, "externalTrafficPolicy: Local");
  BOOST_TEST(ingress("web").empty());
  create("{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: web-1, labels: "
         "{kubernetes.io/service-name: web}}, addressType: IPv4, ports: [{port: 80}], endpoints: "
         "[{addresses: [10.42.0.9], nodeName: node-2}]}");
  settle();
  BOOST_TEST((ingress("web") == ips{"192.0.2.2"}));
}

BOOST_AUTO_TEST_CASE(a_port_is_the_oldest_services_until_it_goes) {
  make_service("first", 80);
  make_service("second", 80);
  BOOST_TEST(ingress("second").empty());
  BOOST_TEST(warned("port 80/TCP is that of service default/first"));
  remove("services", "first");
  settle();
  BOOST_TEST(ingress("second").size() == 2);
}

BOOST_AUTO_TEST_CASE(ports_the_machines_need_are_not_given_away) {
  make_service("bad", 6443);
  BOOST_TEST(ingress("bad").empty());
  BOOST_TEST(warned("port 6443 is the nodes' own"));
}

BOOST_AUTO_TEST_CASE(a_service_of_another_type_has_no_addresses) {
  make_service("web", 80);
  patch("services", "web", "{spec: {type: ClusterIP}}");
  settle();
  BOOST_TEST(ingress("web").empty());
}

BOOST_AUTO_TEST_SUITE_END()
