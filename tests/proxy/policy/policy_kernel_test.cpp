// Policies at work: real packets between namespaces of this process.
#include "proxy/kernel_lab.hpp"
#include "proxy/policy/policy_kernel.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using namespace thespis::proxy;
using namespace thespis::test;

namespace {

constexpr int brief = 300; // ms to wait for an answer that must not come

/// Policies in the lab's node.
struct enforced {
  explicit enforced(net_lab& lab, ip_family family = ip_family::v4) : lab(lab) {
    lab.node.run(
        [&] { kernel.emplace(policy_kernel::open(family, "thespis_test_policy").value()); });
  }

  void hold(const policy_rules& rules) {
    lab.node.run([&] {
      auto done = kernel->hold(rules);
      BOOST_REQUIRE_MESSAGE(done, done.error().message);
    });
  }

  net_lab& lab;
  std::optional<policy_kernel> kernel;
};

/// Pod 0 is isolated both ways and allows what the matches say.
policy_rules isolated(std::vector<std::string> in, std::vector<std::string> out) {
  policy_rules r;
  r.chains = {{"c1", std::move(in)}, {"c2", std::move(out)}};
  r.ingress = {{net_lab::pod_ip(0), "c1"}};
  r.egress = {{net_lab::pod_ip(0), "c2"}};
  return r;
}

bool reaches(const net_space& from, size_t pod) {
  return name_in(ask_tcp(from, net_lab::pod_ip(pod), 8080, brief)) == "web-" + std::to_string(pod);
}

} // namespace

BOOST_AUTO_TEST_SUITE(policies_in_the_kernel, *boost::unit_test::precondition(takes_namespaces))

BOOST_AUTO_TEST_CASE(an_isolated_pod_is_reached_by_whom_it_allows) {
  net_lab lab{3};
  enforced kernel{lab};
  auto rules = isolated({"ip saddr @p1 tcp dport 8080 "}, {});
  rules.sets["p1"] = {set_kind::addresses, {net_lab::pod_ip(1)}};
  kernel.hold(rules);
  BOOST_TEST(reaches(*lab.pods[1], 0)); // and the reply comes back, though it may send nothing
  BOOST_TEST(!reaches(*lab.pods[2], 0));
  BOOST_TEST(!reaches(*lab.pods[0], 1));
  BOOST_TEST(reaches(*lab.pods[2], 1));
  BOOST_TEST(reaches(lab.node, 0)); // probes
  rules.sets["p1"].elements.insert(net_lab::pod_ip(2));
  kernel.hold(rules);
  BOOST_TEST(reaches(*lab.pods[2], 0));
  rules.sets["p1"].elements.erase(net_lab::pod_ip(1));
  kernel.hold(rules);
  BOOST_TEST(!reaches(*lab.pods[1], 0));
  kernel.hold({});
  BOOST_TEST(reaches(*lab.pods[1], 0));
  BOOST_TEST(reaches(*lab.pods[0], 1));
}

BOOST_AUTO_TEST_CASE(blocks_ports_and_protocols_are_told_apart) {
  net_lab lab{3};
  enforced kernel{lab};
  auto rules = isolated({"udp dport 8000-9000 "}, {"ip daddr @b1 "});
  rules.sets["b1"] = {set_kind::blocks, {net_lab::pod_ip(1) + "-" + net_lab::pod_ip(1)}};
  kernel.hold(rules);
  BOOST_TEST(!reaches(*lab.pods[1], 0));
  BOOST_TEST(name_in(ask_udp(*lab.pods[1], net_lab::pod_ip(0), 8080, brief)) == "web-0");
  BOOST_TEST(reaches(*lab.pods[0], 1));
  BOOST_TEST(!reaches(*lab.pods[0], 2));
  rules.chains["c3"] = {"ip daddr . meta l4proto . th dport @n1 "};
  rules.sets["n1"] = {set_kind::ports, {net_lab::pod_ip(0) + " . tcp . 8080"}};
  rules.ingress[net_lab::pod_ip(0)] = "c3";
  rules.chains.erase("c1");
  kernel.hold(rules);
  BOOST_TEST(reaches(*lab.pods[1], 0));
  BOOST_TEST(name_in(ask_udp(*lab.pods[1], net_lab::pod_ip(0), 8080, brief)) != "web-0");
}

BOOST_AUTO_TEST_CASE(services_lead_only_to_pods_that_may_be_reached) {
  net_lab lab{3};
  programmed services{lab};
  services.replace({{web_name, web("10.96.0.10", {0})}});
  enforced kernel{lab};
  auto rules = isolated({"ip saddr @p1 "}, {});
  rules.sets["p1"] = {set_kind::addresses, {net_lab::pod_ip(1)}};
  kernel.hold(rules);
  BOOST_TEST(name_in(ask_tcp(*lab.pods[1], "10.96.0.10", 80, brief)) == "web-0");
  BOOST_TEST(name_in(ask_tcp(*lab.pods[2], "10.96.0.10", 80, brief)) != "web-0");
  // A pod reaches itself, whatever policies say.
  BOOST_TEST(name_in(ask_tcp(*lab.pods[0], "10.96.0.10", 80, brief)) == "web-0");
}

BOOST_AUTO_TEST_CASE(what_somebody_else_broke_is_made_anew) {
  net_lab lab{2};
  enforced kernel{lab};
  kernel.hold(isolated({}, {}));
  lab.node.run([] { BOOST_REQUIRE(std::system("nft delete table ip thespis_test_policy") == 0); });
  BOOST_TEST(reaches(*lab.pods[1], 0));
  auto rules = isolated({"tcp dport 1 "}, {});
  rules.chains["c9"] = rules.chains["c1"];
  rules.chains.erase("c1");
  rules.ingress[net_lab::pod_ip(0)] = "c9";
  kernel.hold(rules);
  BOOST_TEST(!reaches(*lab.pods[1], 0));
}

BOOST_AUTO_TEST_CASE(each_family_has_rules_of_its_own) {
  net_lab lab{3};
  enforced four{lab};
  enforced six{lab, ip_family::v6};
  const auto reaches6 = [&](const net_space& from, size_t pod) {
    return name_in(ask_tcp(from, net_lab::pod_ip6(pod), 8080, brief)) ==
           "web-" + std::to_string(pod);
  };
  policy_rules r;
  r.chains = {{"c1", {"ip6 saddr @p1 tcp dport 8080 ", "ip6 saddr @b1 "}}};
  r.ingress = {{net_lab::pod_ip6(0), "c1"}};
  r.sets["p1"] = {set_kind::addresses, {net_lab::pod_ip6(1)}};
  r.sets["b1"] = {set_kind::blocks, {"2001:db8::-2001:db8::ffff"}};
  r.sets["n1"] = {set_kind::ports, {net_lab::pod_ip6(0) + " . tcp . 8080"}};
  six.hold(r);
  BOOST_TEST(reaches6(*lab.pods[1], 0));
  BOOST_TEST(!reaches6(*lab.pods[2], 0));
  BOOST_TEST(reaches(*lab.pods[2], 0)); // IPv4 has none
  BOOST_TEST(reaches6(lab.node, 0));
  r.sets["p1"].elements.insert(net_lab::pod_ip6(2));
  six.hold(r);
  BOOST_TEST(reaches6(*lab.pods[2], 0));
  four.hold(isolated({}, {}));
  BOOST_TEST(!reaches(*lab.pods[2], 0));
  BOOST_TEST(reaches6(*lab.pods[2], 0));
  six.hold({});
  four.hold({});
  BOOST_TEST(nft_ruleset(lab.node).find("policy") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
