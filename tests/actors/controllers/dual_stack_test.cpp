#include "actors/controllers/endpoint_slice.hpp"
#include "actors/controllers/endpoint_slice_mirroring.hpp"
#include "actors/controllers/endpoints.hpp"
#include "actors/controllers/service_balancer.hpp"
#include "actors/controllers/service_ranges.hpp"
#include "actors/pods.hpp"
#include "api/generated/core_v1_service.hpp"
#include "api/generated/discovery_v1.hpp"
#include "api/generated/networking_v1.hpp"

#include <algorithm>

using namespace thespis;
using namespace thespis::test;
using texts = std::vector<std::string>;

namespace {

const texts both_ranges{"10.43.0.0/16", "fd43::/108"};

struct dual_fixture : cluster_fixture {
  dual_fixture() : cluster_fixture({1, false, {}, both_ranges}) {
    run_controller([] { return actors::make_endpoint_slice_controller({}); });
    run_controller([] { return actors::make_endpoints_controller(); });
    run_controller([] { return actors::make_ip_address_controller(); });
    run_controller([] { return actors::make_service_cidr_controller({both_ranges}); });
    run_controller([] { return actors::make_service_balancer(); });
    run_controller([] { return actors::make_endpoint_slice_mirroring(); });
  }

  void make_service(const std::string& name, const std::string& spec) {
    create("{apiVersion: v1, kind: Service, metadata: {name: " + name +
           "}, spec: {ports: [{port: 80}], " + spec + "}}");
    advance(1s);
  }

  /// A ready pod of the app "web" with these addresses, the first one its podIP: 10.42.0.N.
  void make_pod(const std::string& name, const texts& ips) {
    create("{apiVersion: v1, kind: Pod, metadata: {name: " + name +
           ", labels: {app: web}}, spec: {containers: [{name: main, image: web}]}}");
    const auto& first = ips.front();
    run_pod(*this, get<api::v1::pod>(name), true, "default",
            std::stoi(first.substr(first.rfind('.') + 1)));
    std::string all;
    for (const auto& ip : ips)
      all += (all.empty() ? "" : ", ") + ("{ip: '" + ip + "'}");
    patch("pods", name, "{status: {podIP: '" + ips.front() + "', podIPs: [" + all + "]}}", "status",
          "default");
    settle();
  }

  /// "IPv4 10.42.0.1 10.42.0.2" of each slice, in order.
  texts slices(const std::string& service) const {
    texts res;
    for (const auto& s : list<api::v1::endpoint_slice>()) {
      if (s.metadata.labels.at("kubernetes.io/service-name") != service)
        continue;
      texts ips;
      for (const auto& e : s.endpoints)
        ips.insert(ips.end(), e.addresses.begin(), e.addresses.end());
      std::sort(ips.begin(), ips.end());
      auto& text = res.emplace_back(s.address_type);
      for (const auto& ip : ips)
        text += " " + ip;
    }
    std::sort(res.begin(), res.end());
    return res;
  }

  texts endpoints(const std::string& name) const {
    texts res;
    for (const auto& subset : get<api::v1::endpoints>(name).subsets)
      for (const auto& a : subset.addresses)
        res.push_back(a.ip);
    return res;
  }

  texts ingress(const std::string& name) const {
    texts res;
    const auto s = get<api::v1::service>(name);
    if (s.status.load_balancer)
      for (const auto& i : s.status.load_balancer->ingress)
        res.push_back(i.ip);
    return res;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(dual_stack, dual_fixture)

BOOST_AUTO_TEST_CASE(slices_are_of_one_family_each_and_endpoints_of_the_first) {
  make_pod("a", {"10.42.0.1", "fd42::1"});
  make_pod("b", {"10.42.0.2", "fd42::2"});
  make_pod("old", {"10.42.0.3"});
  make_service("four", "selector: {app: web}");
  make_service("six", "selector: {app: web}, ipFamilies: [IPv6]");
  make_service("both", "selector: {app: web}, ipFamilyPolicy: PreferDualStack");
  make_service("turned", "selector: {app: web}, ipFamilyPolicy: RequireDualStack, ipFamilies: "
                         "[IPv6, IPv4]");
  make_service("none", "clusterIP: None, selector: {app: web}, ipFamilyPolicy: RequireDualStack");
  const std::string four = "IPv4 10.42.0.1 10.42.0.2 10.42.0.3", six = "IPv6 fd42::1 fd42::2";
  BOOST_TEST((slices("four") == texts{four}));
  BOOST_TEST((slices("six") == texts{six}));
  for (const char* name : {"both", "turned", "none"})
    BOOST_TEST((slices(name) == texts{four, six}), name);
  BOOST_TEST((endpoints("four") == texts{"10.42.0.1", "10.42.0.2", "10.42.0.3"}));
  BOOST_TEST((endpoints("six") == texts{"fd42::1", "fd42::2"}));
  BOOST_TEST((endpoints("both") == endpoints("four")));
  BOOST_TEST((endpoints("turned") == endpoints("six")));
}

BOOST_AUTO_TEST_CASE(a_family_comes_and_goes_with_its_slices_and_addresses) {
  make_pod("a", {"10.42.0.1", "fd42::1"});
  make_service("web", "selector: {app: web}");
  const auto first = get<api::v1::service>("web").spec.cluster_ip;
  patch("services", "web", "{spec: {ipFamilyPolicy: RequireDualStack}}", {}, "default");
  settle();
  const auto both = get<api::v1::service>("web").spec.cluster_ips;
  BOOST_REQUIRE_EQUAL(both.size(), 2U);
  BOOST_TEST(both.front() == first);
  BOOST_TEST((slices("web") == texts{"IPv4 10.42.0.1", "IPv6 fd42::1"}));
  const auto six = get<api::v1::ip_address>(both.back(), "");
  BOOST_TEST(six.metadata.labels.at("ipaddress.kubernetes.io/ip-family") == "IPv6");
  BOOST_TEST(six.spec.parent_ref.name == "web");
  patch("services", "web", "{spec: {ipFamilyPolicy: SingleStack}}", {}, "default");
  settle();
  BOOST_TEST((slices("web") == texts{"IPv4 10.42.0.1"}));
  BOOST_TEST(get("ipaddresses.networking.k8s.io", both.back(), "") == nullptr);
  BOOST_TEST(get("ipaddresses.networking.k8s.io", first, "") != nullptr);
}

BOOST_AUTO_TEST_CASE(an_address_has_one_name_however_it_is_written) {
  make_service("long", "clusterIP: 'fd43:0:0::0077'");
  BOOST_TEST(get<api::v1::ip_address>("fd43::77", "").spec.parent_ref.name == "long");
}

BOOST_AUTO_TEST_CASE(the_default_range_has_both_families) {
  create(
      "{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: kubernetes}, spec: "
      "{cidrs: [10.43.0.0/16, 'fd43::/108']}}");
  settle();
  remove("servicecidrs.networking.k8s.io", "kubernetes", "");
  settle();
  const auto again = get<api::v1::service_cidr>("kubernetes", "");
  BOOST_TEST((again.spec.cidrs == both_ranges));
}

BOOST_AUTO_TEST_CASE(the_default_range_gains_a_family) {
  create(
      "{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: kubernetes}, spec: "
      "{cidrs: [10.43.0.0/16]}}");
  create("{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: other}, spec: "
         "{cidrs: [10.99.0.0/16]}}");
  settle();
  BOOST_TEST((get<api::v1::service_cidr>("kubernetes", "").spec.cidrs == both_ranges));
  BOOST_TEST((get<api::v1::service_cidr>("other", "").spec.cidrs == texts{"10.99.0.0/16"}));
}

BOOST_AUTO_TEST_CASE(a_default_range_of_another_first_family_stays) {
  create(
      "{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: kubernetes}, spec: "
      "{cidrs: ['fd43::/108']}}");
  settle();
  BOOST_TEST((get<api::v1::service_cidr>("kubernetes", "").spec.cidrs == texts{"fd43::/108"}));
}

BOOST_AUTO_TEST_CASE(endpoints_by_hand_are_mirrored_by_family) {
  make_service("own", "ipFamilyPolicy: PreferDualStack");
  create("{apiVersion: v1, kind: Endpoints, metadata: {name: own}, subsets: [{addresses: [{ip: "
         "192.0.2.7}, {ip: '2001:db8::7'}], ports: [{port: 80}]}]}");
  settle();
  BOOST_TEST((slices("own") == texts{"IPv4 192.0.2.7", "IPv6 2001:db8::7"}));
}

BOOST_AUTO_TEST_CASE(balanced_services_get_node_addresses_of_their_families) {
  for (const char* n : {"1", "2"}) {
    const std::string name = std::string{"node-"} + n;
    create("{apiVersion: v1, kind: Node, metadata: {name: " + name + "}}");
    patch("nodes", name,
          std::string{"{status: {addresses: [{type: InternalIP, address: 192.0.2."} + n +
              "}, {type: InternalIP, address: '2001:db8::" + n +
              "'}, {type: InternalIP, address: '2001:db8::ff'}], conditions: [{type: Ready, "
              "status: 'True'}]}}",
          "status", "");
  }
  const std::string type = "type: LoadBalancer, selector: {app: web}, ";
  make_service("four", type + "ipFamilies: [IPv4]");
  patch("services", "four", "{spec: {type: ClusterIP}}", {}, "default");
  // Nothing of a balancer is left once the type has changed.
  BOOST_TEST(ingress("four").empty());
  settle();
  make_service("six", type + "ipFamilies: [IPv6]");
  BOOST_TEST((ingress("six") == texts{"2001:db8::1", "2001:db8::2"}));
  remove("services", "six");
  settle();
  make_service("both", type + "ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv6, IPv4]");
  BOOST_TEST((ingress("both") == texts{"2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2"}));
}

BOOST_AUTO_TEST_SUITE_END()
