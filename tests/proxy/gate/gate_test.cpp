// Real packets of new flows, chosen for by balancers.
#include "proxy/gate/gate_lab.hpp"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>

using namespace thespis;
using namespace thespis::test;
using namespace std::chrono_literals;

namespace {

const std::string vip = "10.96.0.10";

/// Connections that stay open, and who answers them.
struct open_connections {
  open_connections(const net_space& from, const std::string& ip, uint16_t port, int n) {
    for (int i = 0; i < n; ++i) {
      all.push_back(std::make_unique<client>(from, client::kind::tcp, ip, port));
      ++seen[name_in(all.back()->ask())];
    }
  }
  std::vector<std::unique_ptr<client>> all;
  std::map<std::string, int> seen;
};

} // namespace

BOOST_AUTO_TEST_SUITE(gate, *boost::unit_test::precondition(takes_namespaces))

BOOST_AUTO_TEST_CASE(open_connections_are_level_and_counted_until_they_end) {
  gate_lab lab{4};
  lab.set(web_name, web(vip, {0, 1, 2, 3}));
  {
    open_connections many{*lab.net.pods[0], vip, 80, 40};
    BOOST_TEST(many.seen.size() == 4U);
    for (const auto& [name, n] : many.seen) {
      BOOST_TEST(n >= 8);
      BOOST_TEST(n <= 12);
    }
    BOOST_TEST(lab.outstanding(web_name) == 40);
    BOOST_TEST(lab.gate->figures().asked == 40U);
    BOOST_TEST(lab.gate->figures().late == 0U);
  }
  BOOST_TEST(lab.becomes([&] { return lab.outstanding(web_name) == 0; }));
}

BOOST_AUTO_TEST_CASE(only_the_first_packet_of_a_flow_is_asked_about) {
  gate_lab lab{2};
  lab.set(web_name, web(vip, {0, 1}));
  client c{lab.net.outside, client::kind::tcp, vip, 80};
  for (int i = 0; i < 20; ++i)
    BOOST_TEST(c.ask() != "timeout");
  BOOST_TEST(lab.gate->figures().asked == 1U);
  lab.set(web_name, web(vip, {0, 1}, protocol::udp));
  client u{lab.net.outside, client::kind::udp, vip, 80};
  const auto first = name_in(u.ask());
  for (int i = 0; i < 20; ++i)
    BOOST_TEST(name_in(u.ask()) == first);
  BOOST_TEST(lab.gate->figures().asked == 2U);
}

BOOST_AUTO_TEST_CASE(a_service_with_one_endpoint_asks_nobody) {
  gate_lab lab{1};
  lab.set(web_name, web(vip, {0}));
  BOOST_TEST(name_in(ask_tcp(lab.net.outside, vip, 80)) == "web-0");
  BOOST_TEST(lab.gate->figures().asked == 0U);
}

BOOST_AUTO_TEST_CASE(an_endpoint_that_refuses_is_ejected) {
  gate_lab lab{3};
  auto port = web(vip, {0, 1, 2});
  port.endpoints[0].port = 9; // nobody listens
  lab.set(web_name, port);
  int refused = 0;
  for (int i = 0; i < 60; ++i)
    refused += ask_tcp(lab.net.outside, vip, 80) == "refused";
  // Two eject it, and each pause that ends meanwhile lets one more try.
  BOOST_TEST(refused >= 2);
  BOOST_TEST(refused <= 5);
}

BOOST_AUTO_TEST_CASE(an_endpoint_that_is_silent_is_ejected) {
  gate_lab lab{3};
  auto port = web(vip, {0, 1, 2});
  lab.set(web_name, port);
  nft(lab.net.node, "'add table ip hole; add chain ip hole c { type filter hook forward priority "
                    "0; }; add rule ip hole c ip daddr 10.244.0.2 drop'");
  int silent = 0;
  // Each is given up after 300 ms; two, and what is under way until they count, eject it.
  for (int i = 0; i < 40; ++i)
    silent += ask_tcp(lab.net.outside, vip, 80, 300) == "timeout";
  BOOST_TEST(silent >= 1);
  BOOST_TEST(lab.becomes([&] {
    ask_tcp(lab.net.outside, vip, 80, 300);
    return lab.describe(web_name).find("\"ejected\":true") != std::string::npos;
  }));
  BOOST_TEST(silent <= 20);
}

BOOST_AUTO_TEST_CASE(a_client_sticks_to_its_endpoint_also_when_the_balancers_are_gone) {
  gate_lab lab{4};
  auto port = web(vip, {0, 1, 2, 3});
  port.affinity_seconds = 600;
  lab.set(web_name, port);
  const auto first = answers(lab.net.outside, vip, 80);
  BOOST_TEST(first.size() == 1U);
  BOOST_TEST(lab.gate->figures().asked == 1U); // the kernel knew it from then on
  lab.gate.reset();
  BOOST_TEST((answers(lab.net.outside, vip, 80) == first));
}

BOOST_AUTO_TEST_CASE(a_policy_of_local_keeps_outsiders_here_and_lets_pods_reach_all) {
  gate_lab lab{4};
  auto port = web(vip, {0, 1, 2, 3});
  port.node_port = 30080;
  port.external_local = true;
  port.endpoints[2].node_local = port.endpoints[3].node_local = false;
  lab.set(web_name, port);
  BOOST_TEST((answers(lab.net.outside, net_lab::node_ip, 30080) == names{"web-0", "web-1"}));
  BOOST_TEST(answers(*lab.net.pods[0], net_lab::node_ip, 30080).size() == 4U);
  BOOST_TEST(lab.gate->figures().asked == 160U);
}

BOOST_AUTO_TEST_CASE(the_kernel_chooses_when_the_gate_is_gone_and_open_connections_live_on) {
  gate_lab lab{3};
  lab.set(web_name, web(vip, {0, 1, 2}));
  client c{lab.net.outside, client::kind::tcp, vip, 80};
  const auto first = c.ask();
  lab.gate.reset();
  BOOST_TEST(c.ask() == "echo");
  BOOST_TEST(answers(lab.net.outside, vip, 80).size() == 3U);
}

BOOST_AUTO_TEST_CASE(the_kernel_chooses_when_a_balancer_is_silent) {
  gate_lab lab{3};
  const auto port = web(vip, {0, 1, 2});
  lab.set(web_name, port);
  lab.gate->set(web_name, port, lab.deaf());
  BOOST_TEST(name_in(ask_tcp(lab.net.outside, vip, 80)).starts_with("web-"));
  BOOST_TEST(lab.gate->figures().late == 1U);
}

BOOST_AUTO_TEST_CASE(a_choice_for_an_endpoint_that_left_reaches_another) {
  gate_lab lab{3};
  // The balancer believes in two more endpoints than the kernel has.
  lab.path().set(web_name, web(vip, {0, 1}));
  auto more = web(vip, {0, 1, 2});
  more.endpoints.push_back({.ip = "10.244.9.9", .port = 8080});
  lab.balance(web_name, more);
  BOOST_TEST((answers(lab.net.outside, vip, 80) == names{"web-0", "web-1"}));
}

BOOST_AUTO_TEST_CASE(flows_of_an_earlier_run_are_counted) {
  gate_lab lab{2};
  lab.set(web_name, web(vip, {0, 1}));
  open_connections many{lab.net.outside, vip, 80, 6};
  lab.start_anew();
  lab.balance(web_name, web(vip, {0, 1}));
  BOOST_TEST(lab.outstanding(web_name) == 0);
  lab.recount();
  BOOST_TEST(lab.becomes([&] { return lab.outstanding(web_name) == 6; }));
}

BOOST_AUTO_TEST_CASE(a_flood_of_syns_leaves_open_connections_and_new_ones_working) {
  gate_lab lab{3};
  lab.set(web_name, web(vip, {0, 1, 2}));
  client c{lab.net.outside, client::kind::tcp, vip, 80};
  c.ask();
  std::atomic<bool> stop{false};
  std::atomic<int> sent{0};
  std::thread flood{[&] { flood_with_syns(lab.net.outside, vip, 80, 60000, stop, sent); }};
  int good = 0, fresh = 0, tried = 0;
  uint64_t longest = 0;
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (sent < 60000 && std::chrono::steady_clock::now() < until) {
    ++tried;
    good += c.ask() == "echo";
    fresh += name_in(ask_tcp(lab.net.outside, vip, 80)).starts_with("web-");
    longest = std::max(longest, lab.queued());
  }
  stop = true;
  flood.join();
  BOOST_TEST_MESSAGE("sent " << sent << ", tried " << tried << ", asked "
                             << lab.gate->figures().asked << ", queued at most " << longest);
  BOOST_TEST(tried > 0);
  BOOST_TEST(good == tried);
  BOOST_TEST(fresh == tried);
  BOOST_TEST(longest <= flow_queue::capacity);
  BOOST_TEST(lab.gate->figures().asked > 1000U);
}

BOOST_AUTO_TEST_CASE(packets_without_ports_pass) {
  gate_lab lab{2};
  lab.set(web_name, web(vip, {0, 1}, protocol::udp));
  // A first fragment that ends before the ports, and rubbish: neither harms what comes after.
  send_raw(lab.net.outside, vip, IPPROTO_UDP, {1, 2});
  send_raw(lab.net.outside, vip, IPPROTO_UDP, {});
  BOOST_TEST(name_in(ask_udp(lab.net.outside, vip, 80)).starts_with("web-"));
}

BOOST_AUTO_TEST_CASE(flows_of_ipv6_are_chosen_for_and_counted_by_a_balancer_of_their_own) {
  gate_lab lab{4};
  const service_port_name six_name{"default", "web", "http", ip_family::v6};
  auto six = web("fd10:96::10", {});
  six.family = ip_family::v6;
  six.node_port = 30080;
  for (size_t i = 0; i < 4; ++i)
    six.endpoints.push_back({.ip = net_lab::pod_ip6(i), .port = 8080, .node_local = true});
  lab.set(web_name, web(vip, {0, 1}));
  lab.set(six_name, six);
  {
    open_connections many{*lab.net.pods[0], "fd10:96::10", 80, 40};
    open_connections far{lab.net.outside, "fd77::1", 30080, 8};
    BOOST_TEST(many.seen.size() == 4U);
    for (const auto& [name, n] : many.seen) {
      BOOST_TEST(n >= 8);
      BOOST_TEST(n <= 12);
    }
    BOOST_TEST(far.seen.size() == 4U);
    BOOST_TEST(lab.outstanding(six_name) == 48);
    BOOST_TEST(lab.outstanding(web_name) == 0);
    BOOST_TEST(lab.gate->figures().asked == 48U);
    BOOST_TEST(lab.gate->figures().late == 0U);
    lab.recount();
    BOOST_TEST(lab.outstanding(six_name) == 48);
  }
  BOOST_TEST(lab.becomes([&] { return lab.outstanding(six_name) == 0; }));
  // The service's role stays with the first family while there is one.
  const auto port_role = service_role("default", "web", "http");
  BOOST_TEST((lab.env.roles->find<balancer_handle>(port_role) == lab.balancers->find(web_name)));
  lab.balancers->change({{web_name, std::nullopt}}, lab.gate.get());
  BOOST_TEST((lab.env.roles->find<balancer_handle>(port_role) == lab.balancers->find(six_name)));
}

BOOST_AUTO_TEST_SUITE_END()
