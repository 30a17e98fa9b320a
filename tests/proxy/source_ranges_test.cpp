#include "proxy/kernel_lab.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using namespace thespis::proxy;
using namespace thespis::test;

namespace {

service_port balanced(std::vector<std::string> ranges) {
  auto p = web("10.96.0.10", {0});
  p.external_ips = p.balancer_ips = {"203.0.113.9"};
  p.source_ranges = std::move(ranges);
  return p;
}

} // namespace

BOOST_AUTO_TEST_SUITE(source_ranges)

BOOST_AUTO_TEST_CASE(guards_name_the_balancers_addresses_and_widest_ranges) {
  const auto all =
      guards_of({{web_name, balanced({"10.1.0.0/16", "10.1.2.0/24", "fd00::/8"})}}, ip_family::v4);
  BOOST_REQUIRE(all.size() == 1u);
  BOOST_TEST(all.begin()->first == "203.0.113.9 . tcp . 80");
  BOOST_TEST(all.begin()->second == std::set<std::string>{"10.1.0.0/16"});
  BOOST_TEST(guards_of({{web_name, balanced({})}}, ip_family::v4).empty());
}

BOOST_AUTO_TEST_CASE(ranges_of_another_family_let_nobody_in) {
  const auto all = guards_of({{web_name, balanced({"fd00::/8"})}}, ip_family::v4);
  BOOST_TEST(all.at("203.0.113.9 . tcp . 80").empty());
}

BOOST_AUTO_TEST_CASE(only_the_ranges_pass_and_cluster_addresses_are_open,
                     *boost::unit_test::precondition(takes_namespaces)) {
  net_lab lab{2};
  programmed kernel{lab};
  const auto hold = [&](const service_port& p) {
    const service_table t{{web_name, p}};
    kernel.run([&] {
      return kernel.path->guard({guards_of(t, ip_family::v4), guards_of(t, ip_family::v6)});
    });
    kernel.replace(t);
  };
  constexpr int brief = 300;
  lab.outside.ip("route add 203.0.113.9 via " + std::string{net_lab::node_ip});
  hold(balanced({}));
  BOOST_TEST(name_in(ask_tcp(lab.outside, "203.0.113.9", 80, brief)) == "web-0");
  hold(balanced({std::string{net_lab::outside_ip} + "/32"}));
  BOOST_TEST(name_in(ask_tcp(lab.outside, "203.0.113.9", 80, brief)) == "web-0");
  BOOST_TEST(ask_tcp(*lab.pods[1], "203.0.113.9", 80, brief) == "timeout");
  BOOST_TEST(name_in(ask_tcp(*lab.pods[1], "10.96.0.10", 80, brief)) == "web-0");
  hold(balanced({"198.51.100.0/24"}));
  BOOST_TEST(ask_tcp(lab.outside, "203.0.113.9", 80, brief) == "timeout");
  kernel.remove_all();
  BOOST_TEST(nft_ruleset(lab.node).find("thespis_test") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
