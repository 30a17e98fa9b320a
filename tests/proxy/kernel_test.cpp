// The rules at work: real packets between namespaces of this process.
#include "proxy/kernel_lab.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using namespace thespis::proxy;
using namespace thespis::test;

namespace {

constexpr const char* route_localnet = "/proc/sys/net/ipv4/conf/all/route_localnet";
constexpr int brief = 400; // ms to wait for an answer that must not come

} // namespace

BOOST_AUTO_TEST_SUITE(kernel, *boost::unit_test::precondition(takes_namespaces))

BOOST_AUTO_TEST_CASE(services_reach_every_ready_endpoint_and_no_other) {
  net_lab lab{4};
  programmed kernel{lab};
  auto three = web("10.96.0.10", {0, 1, 2});
  three.endpoints.push_back({net_lab::pod_ip(3), 8080, false, false, false, true});
  auto two = web("10.96.0.11", {1, 3});
  auto udp = web("10.96.0.10", {0, 3}, protocol::udp);
  kernel.replace({{web_name, three}, {other_name, two}, {{"default", "web", "dns"}, udp}});
  for (const auto* from : {lab.pods[3].get(), &lab.node}) {
    BOOST_TEST((answers(*from, "10.96.0.10", 80) == names{"web-0", "web-1", "web-2"}));
    BOOST_TEST((answers(*from, "10.96.0.11", 80) == names{"web-1", "web-3"}));
    BOOST_TEST((answers(*from, "10.96.0.10", 80, true) == names{"web-0", "web-3"}));
  }
  // Pods are seen as themselves.
  BOOST_TEST(ask_tcp(*lab.pods[3], "10.96.0.10", 80).substr(6) == net_lab::pod_ip(3));
}

BOOST_AUTO_TEST_CASE(choice_is_uniform) {
  net_lab lab{3};
  programmed kernel{lab};
  kernel.replace({{web_name, web("10.96.0.10", {0, 1, 2})}});
  std::map<std::string, int> count;
  for (int i = 0; i < 900; ++i)
    ++count[name_in(ask_tcp(lab.node, "10.96.0.10", 80))];
  for (const auto& [name, n] : count)
    BOOST_TEST(n > 210); // 300 expected, standard deviation 14
  BOOST_TEST(count.size() == 3u);
}

BOOST_AUTO_TEST_CASE(pod_reaches_itself_through_its_service) {
  net_lab lab{2};
  programmed kernel{lab};
  auto p = web("10.96.0.10", {0});
  p.node_port = 30080;
  kernel.replace({{web_name, p}, {other_name, web("10.96.0.10", {0}, protocol::udp)}});
  BOOST_TEST(ask_tcp(*lab.pods[0], "10.96.0.10", 80) == "web-0 10.244.0.1");
  BOOST_TEST(ask_udp(*lab.pods[0], "10.96.0.10", 80) == "web-0 10.244.0.1");
  BOOST_TEST(name_in(ask_tcp(*lab.pods[0], net_lab::node_ip, 30080)) == "web-0");
}

BOOST_AUTO_TEST_CASE(node_port_answers_on_every_local_address) {
  net_lab lab{2};
  programmed kernel{lab};
  for (auto proto : {protocol::tcp, protocol::udp}) {
    auto p = web("10.96.0.10", {0, 1}, proto);
    p.node_port = 30080;
    kernel.replace({{web_name, p}});
    bool udp = proto == protocol::udp;
    names both{"web-0", "web-1"};
    BOOST_TEST((answers(lab.outside, net_lab::node_ip, 30080, udp) == both));
    BOOST_TEST((answers(*lab.pods[0], net_lab::node_ip, 30080, udp) == both));
    for (const char* local : {net_lab::node_ip, "127.0.0.1", "10.244.0.1"})
      BOOST_TEST((answers(lab.node, local, 30080, udp) == both));
  }
  kernel.erase(web_name);
  BOOST_TEST(ask_tcp(lab.node, "127.0.0.1", 30080) == "refused");
  BOOST_TEST(ask_tcp(lab.outside, net_lab::node_ip, 30080) == "refused");
}

BOOST_AUTO_TEST_CASE(external_address_is_served) {
  net_lab lab{1};
  programmed kernel{lab};
  lab.outside.ip("route add 203.0.113.9 via 192.168.77.1\n");
  auto p = web("10.96.0.10", {0});
  p.external_ips = {"203.0.113.9"};
  kernel.replace({{web_name, p}});
  BOOST_TEST(ask_tcp(lab.outside, "203.0.113.9", 80) == "web-0 10.244.0.1");
  p.external_local = true;
  kernel.set(web_name, p);
  BOOST_TEST(ask_tcp(lab.outside, "203.0.113.9", 80) ==
             std::string{"web-0 "} + net_lab::outside_ip);
}

BOOST_AUTO_TEST_CASE(localhost_is_not_opened_to_the_network) {
  net_lab lab{0};
  programmed kernel{lab};
  kernel.replace({});
  answerer secret{lab.node, "secret", "127.0.0.1", 9999};
  // The client's own loopback is down, so it can send 127.0.0.1 to the wire.
  lab.outside.write(route_localnet, "1");
  lab.outside.ip("route add 127.0.0.0/8 via 192.168.77.1\n");
  BOOST_TEST(ask_udp(lab.outside, "127.0.0.1", 9999, brief) == "timeout");
  nft(lab.node, "flush chain ip thespis_test_0 guard");
  BOOST_TEST(ask_udp(lab.outside, "127.0.0.1", 9999, brief) == "secret 192.168.77.2");
}

BOOST_AUTO_TEST_CASE(service_without_endpoints_refuses) {
  net_lab lab{1};
  programmed kernel{lab};
  auto p = web("10.96.0.10", {});
  p.endpoints.push_back({net_lab::pod_ip(0), 8080, false, false, false, true});
  p.node_port = 30080;
  auto udp = p;
  udp.proto = protocol::udp;
  kernel.replace({{web_name, p}, {other_name, udp}});
  for (const auto* from : {lab.pods[0].get(), &lab.node}) {
    BOOST_TEST(ask_tcp(*from, "10.96.0.10", 80) == "refused");
    auto udp_answer = ask_udp(*from, "10.96.0.10", 80);
    // A local sender learns it from send() itself.
    BOOST_TEST((udp_answer == "refused" || udp_answer == "Operation not permitted"));
    BOOST_TEST(ask_tcp(*from, "10.96.0.10", 81) == "refused"); // no such port
    BOOST_TEST(ask_tcp(*from, "10.96.0.99", 80) == "refused"); // no such service
  }
  BOOST_TEST(ask_tcp(lab.outside, net_lab::node_ip, 30080) == "refused");
  BOOST_TEST(ask_udp(lab.outside, net_lab::node_ip, 30080) == "refused");
}

// Nothing here speaks SCTP, so this sees only that the kernel takes the rules.
BOOST_AUTO_TEST_CASE(sctp_service_is_programmed) {
  net_lab lab{1};
  programmed kernel{lab};
  auto p = web("10.96.0.10", {0}, protocol::sctp);
  p.node_port = 30080;
  kernel.replace({{web_name, p}});
  auto rules = nft_ruleset(lab.node);
  BOOST_TEST(rules.find("10.96.0.10 . sctp . 80 : goto pick_1") != std::string::npos);
  BOOST_TEST(rules.find("sctp . 30080 : goto node_pick_1_masquerade") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(terminating_endpoints_serve_when_none_is_ready) {
  net_lab lab{2};
  programmed kernel{lab};
  auto p = web("10.96.0.10", {});
  p.endpoints.push_back({net_lab::pod_ip(0), 8080, false, true, true, true});
  p.endpoints.push_back({net_lab::pod_ip(1), 8080, false, false, true, true});
  kernel.replace({{web_name, p}});
  BOOST_TEST((answers(lab.node, "10.96.0.10", 80) == names{"web-0"}));
}

BOOST_AUTO_TEST_CASE(external_policy_local_keeps_the_client_and_the_machine) {
  net_lab lab{2};
  programmed kernel{lab};
  auto p = web("10.96.0.10", {0, 1});
  p.endpoints[1].node_local = false;
  p.node_port = 30080;
  p.external_local = true;
  kernel.replace({{web_name, p}});
  BOOST_TEST((answers(lab.outside, net_lab::node_ip, 30080) == names{"web-0"}));
  BOOST_TEST(ask_tcp(lab.outside, net_lab::node_ip, 30080) ==
             std::string{"web-0 "} + net_lab::outside_ip);
  // The policy does not bind what comes from inside.
  BOOST_TEST((answers(*lab.pods[0], net_lab::node_ip, 30080) == names{"web-0", "web-1"}));
  BOOST_TEST((answers(lab.node, "127.0.0.1", 30080) == names{"web-0", "web-1"}));
  p.endpoints[0].ready = false;
  kernel.set(web_name, p);
  BOOST_TEST(ask_tcp(lab.outside, net_lab::node_ip, 30080, brief) == "timeout");
  BOOST_TEST(name_in(ask_tcp(lab.node, net_lab::node_ip, 30080)) == "web-1");
}

BOOST_AUTO_TEST_CASE(internal_policy_local_keeps_the_machine) {
  net_lab lab{2};
  programmed kernel{lab};
  auto p = web("10.96.0.10", {0, 1});
  p.endpoints[1].node_local = false;
  p.internal_local = true;
  kernel.replace({{web_name, p}});
  BOOST_TEST((answers(*lab.pods[1], "10.96.0.10", 80) == names{"web-0"}));
  p.endpoints[0].ready = false;
  kernel.set(web_name, p);
  BOOST_TEST(ask_tcp(*lab.pods[1], "10.96.0.10", 80, brief) == "timeout");
}

BOOST_AUTO_TEST_CASE(client_keeps_its_endpoint_until_it_is_gone) {
  net_lab lab{4};
  programmed kernel{lab};
  auto p = web("10.96.0.10", {0, 1, 2});
  p.affinity_seconds = 10800;
  p.node_port = 30080;
  kernel.replace({{web_name, p}});
  auto first = name_in(ask_tcp(*lab.pods[3], "10.96.0.10", 80));
  auto mine = static_cast<size_t>(first.back() - '0');
  BOOST_TEST((answers(*lab.pods[3], "10.96.0.10", 80) == names{first}));
  BOOST_TEST(answers(lab.outside, net_lab::node_ip, 30080).size() == 1u);
  // Another endpoint goes, then comes back: nothing changes for this client.
  auto fewer = p;
  fewer.endpoints.erase(fewer.endpoints.begin() + static_cast<long>((mine + 1) % 3));
  kernel.set(web_name, fewer);
  BOOST_TEST((answers(*lab.pods[3], "10.96.0.10", 80) == names{first}));
  kernel.set(web_name, p);
  BOOST_TEST((answers(*lab.pods[3], "10.96.0.10", 80) == names{first}));
  // Its own goes: it is given another and keeps that, also when the first returns.
  auto without = p;
  without.endpoints.erase(without.endpoints.begin() + static_cast<long>(mine));
  kernel.set(web_name, without);
  auto next = answers(*lab.pods[3], "10.96.0.10", 80);
  BOOST_TEST((next.size() == 1 && !next.count(first)));
  kernel.set(web_name, p);
  BOOST_TEST((answers(*lab.pods[3], "10.96.0.10", 80) == next));
}

BOOST_AUTO_TEST_CASE(host_network_endpoint_serves_the_api_address) {
  net_lab lab{1};
  programmed kernel{lab};
  answerer api{lab.node, "api", net_lab::node_ip, 6443};
  service_port p;
  p.cluster_ips = {"10.96.0.1"};
  p.port = 443;
  p.node_port = 30443;
  p.endpoints = {{net_lab::node_ip, 6443, true, true, false, true}};
  kernel.replace({{{"default", "kubernetes", "https"}, p}});
  BOOST_TEST(ask_tcp(*lab.pods[0], "10.96.0.1", 443) == "api 10.244.0.2");
  BOOST_TEST(name_in(ask_tcp(lab.node, "10.96.0.1", 443)) == "api");
  BOOST_TEST(name_in(ask_tcp(lab.node, "127.0.0.1", 30443)) == "api");
  BOOST_TEST(name_in(ask_tcp(lab.outside, net_lab::node_ip, 30443)) == "api");
}

BOOST_AUTO_TEST_SUITE_END()
