// The rules at work for IPv6, beside those of IPv4: real packets between namespaces of this
// process.
#include "proxy/kernel_lab.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using namespace thespis::proxy;
using namespace thespis::test;

namespace {

constexpr int brief = 400; // ms to wait for an answer that must not come
constexpr const char* vip = "fd10:96::10";
constexpr const char* node6 = "fd77::1";
const service_port_name web6_name{"default", "web", "http", ip_family::v6};
const service_port_name other6_name{"default", "other", "http", ip_family::v6};

data_path_options dual_options(const std::string& table = "thespis_test") {
  auto o = options_for(table);
  o.pod_cidrs.push_back("fd10:244::/64");
  o.service_cidrs.push_back("fd10:96::/112");
  return o;
}

/// Port 80 of `cluster_ip`, served by these pods of the lab.
service_port web6(const std::string& cluster_ip, const std::vector<size_t>& pods,
                  protocol proto = protocol::tcp) {
  auto p = web(cluster_ip, {}, proto);
  p.family = ip_family::v6;
  for (const auto i : pods)
    p.endpoints.push_back({.ip = net_lab::pod_ip6(i), .port = 8080, .node_local = true});
  return p;
}

} // namespace

BOOST_AUTO_TEST_SUITE(kernel_v6, *boost::unit_test::precondition(takes_namespaces))

BOOST_AUTO_TEST_CASE(a_service_of_both_families_is_reached_by_both) {
  net_lab lab{4};
  programmed kernel{lab, dual_options()};
  kernel.replace({{web_name, web("10.96.0.10", {0, 1})},
                  {web6_name, web6(vip, {1, 2})},
                  {{"default", "web", "dns", ip_family::v6}, web6(vip, {0, 3}, protocol::udp)}});
  for (const auto* from : {lab.pods[3].get(), &lab.node}) {
    BOOST_TEST((answers(*from, "10.96.0.10", 80) == names{"web-0", "web-1"}));
    BOOST_TEST((answers(*from, vip, 80) == names{"web-1", "web-2"}));
    BOOST_TEST((answers(*from, vip, 80, true) == names{"web-0", "web-3"}));
  }
  // Pods are seen as themselves, the node and those outside as the node.
  BOOST_TEST(ask_tcp(*lab.pods[3], vip, 80).substr(6) == net_lab::pod_ip6(3));
  lab.outside.ip("route add fd10:96::/112 via fd77::1\n");
  BOOST_TEST(ask_tcp(lab.outside, vip, 80).substr(6) == "fd10:244::1");
  kernel.erase(web6_name);
  BOOST_TEST(ask_tcp(lab.node, vip, 80) == "refused");
  BOOST_TEST((answers(lab.node, "10.96.0.10", 80) == names{"web-0", "web-1"}));
}

BOOST_AUTO_TEST_CASE(node_port_answers_on_every_local_address_but_loopback) {
  net_lab lab{2};
  programmed kernel{lab, dual_options()};
  for (auto proto : {protocol::tcp, protocol::udp}) {
    auto p = web6(vip, {0, 1}, proto);
    p.node_port = 30080;
    kernel.replace({{web6_name, p}});
    const bool udp = proto == protocol::udp;
    const names both{"web-0", "web-1"};
    BOOST_TEST((answers(lab.outside, node6, 30080, udp) == both));
    BOOST_TEST((answers(*lab.pods[0], node6, 30080, udp) == both));
    for (const char* local : {node6, "fd10:244::1"})
      BOOST_TEST((answers(lab.node, local, 30080, udp) == both));
    BOOST_TEST(name_in(ask_tcp(lab.node, "::1", 30080, brief)) == "refused");
    // Nothing of it on IPv4.
    BOOST_TEST(ask_tcp(lab.outside, net_lab::node_ip, 30080, brief) == "refused");
  }
}

BOOST_AUTO_TEST_CASE(pod_reaches_itself_and_affinity_holds) {
  net_lab lab{3};
  programmed kernel{lab, dual_options()};
  auto sticky = web6("fd10:96::11", {0, 1, 2});
  sticky.affinity_seconds = 10800;
  kernel.replace({{web6_name, web6(vip, {0})}, {other6_name, sticky}});
  BOOST_TEST(ask_tcp(*lab.pods[0], vip, 80) == "web-0 fd10:244::1");
  const auto first = answers(*lab.pods[1], "fd10:96::11", 80);
  BOOST_TEST(first.size() == 1u);
  BOOST_TEST((answers(*lab.pods[1], "fd10:96::11", 80) == first));
}

BOOST_AUTO_TEST_CASE(external_addresses_keep_clients_by_policy_and_admit_their_ranges) {
  net_lab lab{2};
  programmed kernel{lab, dual_options()};
  lab.outside.ip("route add 2001:db8::9 via fd77::1\n");
  auto p = web6(vip, {0});
  p.external_ips = p.balancer_ips = {"2001:db8::9"};
  const auto hold = [&] {
    const service_table t{{web6_name, p}};
    kernel.run([&] {
      return kernel.path->guard({guards_of(t, ip_family::v4), guards_of(t, ip_family::v6)});
    });
    kernel.replace(t);
  };
  hold();
  BOOST_TEST(ask_tcp(lab.outside, "2001:db8::9", 80) == "web-0 fd10:244::1");
  p.external_local = true;
  hold();
  BOOST_TEST(ask_tcp(lab.outside, "2001:db8::9", 80) == "web-0 fd77::2");
  p.source_ranges = {"fd77::2/128", "10.0.0.0/8"};
  hold();
  BOOST_TEST(name_in(ask_tcp(lab.outside, "2001:db8::9", 80)) == "web-0");
  BOOST_TEST(ask_tcp(*lab.pods[1], "2001:db8::9", 80, brief) == "timeout");
  BOOST_TEST(name_in(ask_tcp(*lab.pods[1], vip, 80)) == "web-0");
  p.source_ranges = {"2001:db8:1::/48"};
  hold();
  BOOST_TEST(ask_tcp(lab.outside, "2001:db8::9", 80, brief) == "timeout");
}

BOOST_AUTO_TEST_CASE(without_endpoints_and_outside_services_all_is_refused) {
  net_lab lab{1};
  programmed kernel{lab, dual_options()};
  auto p = web6(vip, {});
  p.node_port = 30080;
  kernel.replace({{web6_name, p}});
  for (const auto* from : {lab.pods[0].get(), &lab.node}) {
    BOOST_TEST(ask_tcp(*from, vip, 80) == "refused");
    BOOST_TEST(ask_tcp(*from, "fd10:96::99", 80) == "refused");
  }
  BOOST_TEST(ask_tcp(lab.outside, node6, 30080) == "refused");
}

BOOST_AUTO_TEST_CASE(udp_flow_moves_when_its_endpoint_goes) {
  net_lab lab{3};
  programmed kernel{lab, dual_options()};
  const auto only = [](size_t pod) {
    auto p = web6(vip, {pod}, protocol::udp);
    p.node_port = 30053;
    return p;
  };
  kernel.replace({{web6_name, only(0)}});
  // One socket is one flow: conntrack alone decides where its packets go.
  client pod{*lab.pods[2], client::kind::udp, vip, 80};
  client far{lab.outside, client::kind::udp, node6, 30053};
  BOOST_TEST(name_in(pod.ask()) == "web-0");
  BOOST_TEST(name_in(far.ask()) == "web-0");
  kernel.set(web6_name, only(1));
  BOOST_TEST(name_in(pod.ask()) == "web-1");
  BOOST_TEST(name_in(far.ask()) == "web-1");
  // The endpoint goes while no one watches.
  programmed restarted{lab, dual_options()};
  restarted.replace({{web6_name, only(0)}});
  BOOST_TEST(name_in(pod.ask()) == "web-0");
  BOOST_TEST(name_in(far.ask()) == "web-0");
}

BOOST_AUTO_TEST_CASE(the_tables_come_with_the_first_service_and_go_with_the_rest) {
  net_lab lab{1};
  programmed kernel{lab, options_for("thespis_test")};
  kernel.replace({{web_name, web("10.96.0.10", {0})}});
  BOOST_TEST(nft_ruleset(lab.node).find("table ip6") == std::string::npos);
  kernel.set(web6_name, web6(vip, {0}));
  BOOST_TEST(name_in(ask_tcp(lab.node, vip, 80)) == "web-0");
  kernel.remove_all();
  BOOST_TEST(nft_ruleset(lab.node) == "");
  // What a run with IPv6 left goes with the next one, which has none.
  {
    programmed before{lab, dual_options()};
    before.replace({{web6_name, web6(vip, {0})}});
  }
  kernel.replace({{web_name, web("10.96.0.10", {0})}});
  BOOST_TEST(nft_ruleset(lab.node).find("table ip6") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(addresses_that_lead_no_further_than_a_machine_are_passed_over) {
  for (const char* text : {"::", "::1", "fe80::1", "::ffff:10.1.2.3", "10.1.2.3", "fd10::1%eth0"})
    BOOST_TEST(!parse_address(text, ip_family::v6).has_value());
  BOOST_TEST(parse_address("2001:db8::1", ip_family::v6).has_value());
  BOOST_TEST(!parse_address("2001:db8::1", ip_family::v4).has_value());
  auto p = web6(vip, {});
  for (const char* ip : {"::1", "fe80::1", "10.244.0.2"})
    p.endpoints.push_back({.ip = ip, .port = 80, .node_local = true});
  BOOST_TEST(usable_endpoints(p, false).empty());
}

BOOST_AUTO_TEST_SUITE_END()
