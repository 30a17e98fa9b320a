// Changes of the rules while packets flow.
#include "proxy/kernel_lab.hpp"

#include <atomic>
#include <thread>

using namespace thespis;
using namespace thespis::proxy;
using namespace thespis::test;

namespace {

// Connects to a service port without pause, counting, until it is destroyed or something fails.
struct traffic {
  traffic(const net_space& from, const std::string& ip, uint16_t port)
      : thread{[this, &from, ip, port] {
          while (!stop && failure.empty()) {
            auto answer = ask_tcp(from, ip, port);
            if (answer.rfind("web-", 0) != 0)
              failure = answer;
            ++count;
          }
          over = true;
        }} {}
  ~traffic() {
    if (thread.joinable())
      end();
  }
  std::string end() {
    stop = true;
    thread.join();
    return failure;
  }
  // Waits for the traffic to go on, so that changes do not outrun it.
  void more(int connections) {
    auto until = count + connections;
    while (count < until && !over)
      std::this_thread::yield();
  }

  std::atomic<bool> stop{false};
  std::atomic<bool> over{false};
  std::atomic<int> count{0};
  std::string failure;
  std::thread thread;
};

constexpr const char* route_localnet = "/proc/sys/net/ipv4/conf/all/route_localnet";

} // namespace

BOOST_AUTO_TEST_SUITE(kernel_change, *boost::unit_test::precondition(takes_namespaces))

BOOST_AUTO_TEST_CASE(no_connection_is_lost_while_endpoints_change) {
  net_lab lab{4};
  programmed kernel{lab};
  kernel.replace({{web_name, web("10.96.0.10", {0})}});
  traffic from_pod{*lab.pods[3], "10.96.0.10", 80};
  traffic from_node{lab.node, "10.96.0.10", 80};
  const std::vector<std::vector<size_t>> sets{{0, 1}, {1, 2}, {2}, {0, 1, 2}, {1}, {0, 2}, {0}};
  for (int round = 0; round < 40; ++round) {
    for (const auto& pods : sets) {
      kernel.set(web_name, web("10.96.0.10", pods));
      from_pod.more(2);
    }
  }
  BOOST_TEST(from_pod.end() == "");
  BOOST_TEST(from_node.end() == "");
  BOOST_TEST(from_pod.count > 500);
}

BOOST_AUTO_TEST_CASE(no_connection_is_lost_while_everything_is_programmed_anew) {
  net_lab lab{2};
  service_table table{{web_name, web("10.96.0.10", {0, 1})}};
  programmed first{lab};
  first.replace(table);
  traffic from_pod{*lab.pods[1], "10.96.0.10", 80};
  traffic from_node{lab.node, "10.96.0.10", 80};
  for (int round = 0; round < 60; ++round) {
    programmed restarted{lab}; // as after a crash: it knows nothing of the table that is there
    restarted.replace(table);
    from_pod.more(2);
  }
  BOOST_TEST(from_pod.end() == "");
  BOOST_TEST(from_node.end() == "");
}

BOOST_AUTO_TEST_CASE(connection_outlives_its_endpoints_place) {
  net_lab lab{3};
  programmed kernel{lab};
  kernel.replace({{web_name, web("10.96.0.10", {0})}});
  client open{*lab.pods[2], client::kind::tcp, "10.96.0.10", 80};
  BOOST_TEST(name_in(open.ask()) == "web-0");
  kernel.set(web_name, web("10.96.0.10", {1}));
  BOOST_TEST(open.ask() == "echo");
  BOOST_TEST((answers(*lab.pods[2], "10.96.0.10", 80) == names{"web-1"}));
  kernel.erase(web_name);
  BOOST_TEST(open.ask() == "echo");
}

BOOST_AUTO_TEST_CASE(udp_flow_moves_when_its_endpoint_goes) {
  net_lab lab{3};
  programmed kernel{lab};
  auto only = [](size_t pod) {
    auto p = web("10.96.0.10", {pod}, protocol::udp);
    p.node_port = 30053;
    return p;
  };
  kernel.replace({{web_name, only(0)}});
  // One socket is one flow: conntrack alone decides where its packets go.
  client pod{*lab.pods[2], client::kind::udp, "10.96.0.10", 80};
  client far{lab.outside, client::kind::udp, net_lab::node_ip, 30053};
  BOOST_TEST(name_in(pod.ask()) == "web-0");
  BOOST_TEST(name_in(far.ask()) == "web-0");
  kernel.set(web_name, only(1));
  BOOST_TEST(name_in(pod.ask()) == "web-1");
  BOOST_TEST(name_in(far.ask()) == "web-1");
  // The endpoint goes while no one watches.
  programmed restarted{lab};
  restarted.replace({{web_name, only(0)}});
  BOOST_TEST(name_in(pod.ask()) == "web-0");
  BOOST_TEST(name_in(far.ask()) == "web-0");
}

BOOST_AUTO_TEST_CASE(udp_flow_older_than_its_service_finds_it) {
  net_lab lab{1};
  programmed kernel{lab};
  kernel.replace({});
  client far{lab.outside, client::kind::udp, net_lab::node_ip, 30053};
  BOOST_TEST(far.ask() == "refused");
  auto p = web("10.96.0.10", {0}, protocol::udp);
  p.node_port = 30053;
  kernel.set(web_name, p);
  BOOST_TEST(name_in(far.ask()) == "web-0");
}

BOOST_AUTO_TEST_CASE(removal_leaves_nothing) {
  net_lab lab{1};
  BOOST_REQUIRE_EQUAL(nft_ruleset(lab.node), "");
  // A new namespace inherits what a cluster on this machine may have set.
  lab.node.write(route_localnet, "0");
  programmed kernel{lab};
  kernel.remove_all(); // nothing is there yet
  auto p = web("10.96.0.10", {0});
  p.node_port = 30080;
  p.affinity_seconds = 60;
  kernel.replace({{web_name, p}});
  BOOST_TEST(lab.node.read(route_localnet) == "1");
  BOOST_TEST(name_in(ask_tcp(lab.node, "10.96.0.10", 80)) == "web-0");
  programmed restarted{lab};
  restarted.replace({{web_name, p}});
  restarted.remove_all();
  BOOST_TEST(nft_ruleset(lab.node) == "");
  BOOST_TEST(lab.node.read(route_localnet) == "0");
  restarted.remove_all();
}

BOOST_AUTO_TEST_CASE(start_cleans_up_after_a_crash_amid_a_replacement) {
  net_lab lab{2};
  programmed first{lab};
  first.replace({{web_name, web("10.96.0.10", {0})}});
  // Such a crash leaves two tables, of which both serve or one is retired.
  const std::string copy =
      "list table ip thespis_test_0 | sed s/thespis_test_0/thespis_test_1/ | nft -f -";
  for (const char* retired : {"", "flush chain ip thespis_test_0 prerouting",
                              "flush chain ip thespis_test_1 prerouting"}) {
    nft(lab.node, "delete table ip thespis_test_1 2>/dev/null; nft delete table ip thespis_test_0 "
                  "2>/dev/null; true");
    programmed crashed{lab};
    crashed.replace({{web_name, web("10.96.0.10", {0})}});
    nft(lab.node, copy);
    if (*retired)
      nft(lab.node, retired);
    traffic from_pod{*lab.pods[1], "10.96.0.10", 80};
    from_pod.more(2);
    programmed restarted{lab};
    restarted.replace({{web_name, web("10.96.0.10", {1})}});
    from_pod.more(2);
    BOOST_TEST(from_pod.end() == "");
    BOOST_TEST((answers(lab.node, "10.96.0.10", 80) == names{"web-1"}));
    auto rules = nft_ruleset(lab.node);
    BOOST_TEST(rules.find("table ") == rules.rfind("table "));
  }
}

BOOST_AUTO_TEST_CASE(erasing_every_service_leaves_no_element_and_no_chain) {
  net_lab lab{2};
  programmed kernel{lab};
  kernel.replace({});
  auto empty = nft_ruleset(lab.node);
  auto p = web("10.96.0.10", {0, 1});
  p.node_port = 30080;
  p.external_ips = {"203.0.113.9"};
  p.external_local = true;
  kernel.set(web_name, p);
  p.affinity_seconds = 100;
  kernel.set(web_name, p);
  BOOST_TEST(nft_ruleset(lab.node) != empty);
  kernel.erase(web_name);
  BOOST_TEST(nft_ruleset(lab.node) == empty);
}

BOOST_AUTO_TEST_CASE(two_clusters_live_side_by_side) {
  net_lab lab{2};
  lab.node.write(route_localnet, "0"); // may be inherited from the machine
  programmed one{lab, options_for("thespis_one")};
  auto options = options_for("thespis_two");
  options.pod_cidrs = {"10.244.0.3/32"};
  options.service_cidrs = {"10.97.0.0/16"};
  programmed two{lab, options};
  auto a = web("10.96.0.10", {0});
  a.node_port = 30080;
  auto b = web("10.97.0.10", {1});
  b.node_port = 31080;
  one.replace({{web_name, a}});
  two.replace({{web_name, b}});
  auto both_answer = [&] {
    return name_in(ask_tcp(lab.node, "10.96.0.10", 80)) == "web-0" &&
           name_in(ask_tcp(lab.outside, net_lab::node_ip, 30080)) == "web-0" &&
           name_in(ask_tcp(lab.node, "10.97.0.10", 80)) == "web-1" &&
           name_in(ask_tcp(lab.node, "127.0.0.1", 31080)) == "web-1";
  };
  BOOST_TEST(both_answer());
  one.replace({{web_name, a}});
  BOOST_TEST(both_answer());
  one.remove_all();
  BOOST_TEST(name_in(ask_tcp(lab.node, "10.97.0.10", 80)) == "web-1");
  BOOST_TEST(name_in(ask_tcp(lab.node, "127.0.0.1", 31080)) == "web-1");
  BOOST_TEST(ask_tcp(lab.node, "127.0.0.1", 30080) == "refused");
  two.remove_all();
  BOOST_TEST(nft_ruleset(lab.node) == "");
  BOOST_TEST(lab.node.read(route_localnet) == "0");
}

BOOST_AUTO_TEST_CASE(lost_table_is_made_again_by_the_next_change) {
  net_lab lab{2};
  programmed kernel{lab};
  kernel.replace({{web_name, web("10.96.0.10", {0})}});
  nft(lab.node, "flush ruleset");
  kernel.set(other_name, web("10.96.0.11", {1}));
  BOOST_TEST(name_in(ask_tcp(lab.node, "10.96.0.10", 80)) == "web-0");
  BOOST_TEST(name_in(ask_tcp(lab.node, "10.96.0.11", 80)) == "web-1");
}

BOOST_AUTO_TEST_SUITE_END()
