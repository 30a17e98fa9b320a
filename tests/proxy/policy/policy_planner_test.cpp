#include "api/json.hpp"
#include "api/yaml.hpp"
#include "proxy/policy/policy_planner.hpp"
#include "proxy/policy/policy_text.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using namespace thespis::proxy;

namespace {

using strings = std::vector<std::string>;

struct planner_fixture : policy_planner {
  planner_fixture() {
    set_namespace("default", api::label_set{{"team", "a"}});
    set_namespace("other", api::label_set{{"team", "b"}});
    pod("default", "web", "10.42.0.2", true);
    pod("default", "db", "10.42.0.3", true);
    pod("other", "web", "10.42.1.2", false);
  }

  void pod(const std::string& ns, const std::string& name, const std::string& ip, bool local,
           std::vector<named_port> ports = {{"http", "TCP", 8080}}) {
    set_pod({ns, name}, policy_pod{{{"app", name}}, ip, local, std::move(ports)});
  }

  void policy(const std::string& name, const std::string& spec, const std::string& ns = "default") {
    auto doc = api::yaml::parse("{metadata: {name: " + name + "}, spec: " + spec + "}");
    BOOST_REQUIRE(doc);
    set_policy({ns, name}, std::make_shared<const api::v1::network_policy>(
                               api::v1::from_json<api::v1::network_policy>(*doc)));
  }

  strings in(const std::string& ip) {
    const auto& r = rules();
    return r.chains.at(r.ingress.at(ip));
  }
  strings out(const std::string& ip) {
    const auto& r = rules();
    return r.chains.at(r.egress.at(ip));
  }
  /// The elements of the set that the match names.
  strings named(const std::string& match) {
    const auto at = match.find('@');
    const auto& set = rules().sets.at(match.substr(at + 1, match.find(' ', at) - at - 1));
    return {set.elements.begin(), set.elements.end()};
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(policy_plan, planner_fixture)

BOOST_AUTO_TEST_CASE(nobody_is_isolated_without_a_policy) {
  BOOST_TEST(rules().empty());
}

BOOST_AUTO_TEST_CASE(a_selected_pod_is_isolated_in_the_policys_directions_only) {
  policy("deny", "{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress]}");
  BOOST_TEST(in("10.42.0.3").empty());
  BOOST_TEST(rules().ingress.size() == 1u);
  BOOST_TEST(rules().egress.empty());
  policy("deny", "{podSelector: {}, policyTypes: [Ingress, Egress]}");
  BOOST_TEST(rules().ingress.size() == 2u);
  BOOST_TEST(rules().egress.size() == 2u);
  BOOST_TEST(rules().chains.size() == 1u); // they share what is the same
}

BOOST_AUTO_TEST_CASE(peers_are_pods_of_the_namespace_of_other_namespaces_or_of_both) {
  policy("p", "{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: "
              "[{podSelector: {matchLabels: {app: web}}}]}]}");
  BOOST_TEST(named(in("10.42.0.3").at(0)) == strings{"10.42.0.2"});
  policy("p", "{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: "
              "[{namespaceSelector: {}}]}]}");
  BOOST_TEST((named(in("10.42.0.3").at(0)) == strings{"10.42.0.2", "10.42.0.3", "10.42.1.2"}));
  policy("p", "{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: "
              "[{namespaceSelector: {matchLabels: {team: b}}, podSelector: {matchLabels: {app: "
              "web}}}]}]}");
  BOOST_TEST(named(in("10.42.0.3").at(0)) == strings{"10.42.1.2"});
}

BOOST_AUTO_TEST_CASE(sets_follow_pods_and_namespaces) {
  policy("p", "{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: "
              "[{namespaceSelector: {matchLabels: {team: b}}}]}]}");
  const auto match = in("10.42.0.3").at(0);
  pod("other", "late", "10.42.1.9", false);
  BOOST_TEST((named(match) == strings{"10.42.1.2", "10.42.1.9"}));
  BOOST_TEST(in("10.42.0.3").at(0) == match); // the rule stays
  set_pod({"other", "web"}, std::nullopt);
  BOOST_TEST(named(match) == strings{"10.42.1.9"});
  set_namespace("other", api::label_set{{"team", "c"}});
  BOOST_TEST(named(in("10.42.0.3").at(0)).empty());
}

BOOST_AUTO_TEST_CASE(an_address_that_went_to_another_pod_stays_while_one_of_them_counts) {
  policy("p", "{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: "
              "[{podSelector: {}}]}]}");
  pod("default", "next", "10.42.0.2", true);
  set_pod({"default", "web"}, std::nullopt);
  BOOST_TEST((named(in("10.42.0.3").at(0)) == strings{"10.42.0.2", "10.42.0.3"}));
}

BOOST_AUTO_TEST_CASE(ports_are_numbers_ranges_names_and_whole_protocols) {
  policy("p", "{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{ports: "
              "[{protocol: TCP, port: 80}, {protocol: UDP, port: 5000, endPort: 5010}, {protocol: "
              "TCP, port: http}, {protocol: SCTP}]}]}");
  const auto all = in("10.42.0.3");
  BOOST_TEST((std::set<std::string>(all.begin(), all.end()).count("tcp dport 80 ")) == 1u);
  BOOST_TEST((std::set<std::string>(all.begin(), all.end()).count("udp dport 5000-5010 ")) == 1u);
  BOOST_TEST((std::set<std::string>(all.begin(), all.end()).count("meta l4proto sctp ")) == 1u);
  const auto by_name =
      *std::find_if(all.begin(), all.end(), [](const auto& m) { return m.find('@') != m.npos; });
  const auto known = named(by_name);
  BOOST_TEST(std::count(known.begin(), known.end(), "10.42.0.3 . tcp . 8080") == 1);
}

BOOST_AUTO_TEST_CASE(blocks_have_holes) {
  policy("p", "{podSelector: {matchLabels: {app: db}}, policyTypes: [Egress], egress: [{to: "
              "[{ipBlock: {cidr: 10.0.0.0/24, except: [10.0.0.0/26, 10.0.0.128/32]}}]}]}");
  BOOST_TEST(
      (named(out("10.42.0.3").at(0)) == strings{"10.0.0.129-10.0.0.255", "10.0.0.64-10.0.0.127"}));
}

BOOST_AUTO_TEST_CASE(a_block_of_another_family_lets_nobody_through) {
  policy("p", "{podSelector: {matchLabels: {app: db}}, policyTypes: [Egress], egress: [{to: "
              "[{ipBlock: {cidr: '2001:db8::/32'}}]}]}");
  BOOST_TEST(out("10.42.0.3").empty());
}

BOOST_AUTO_TEST_CASE(what_any_policy_allows_is_allowed) {
  policy("deny", "{podSelector: {}, policyTypes: [Ingress]}");
  policy("allow", "{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{}]}");
  BOOST_TEST(in("10.42.0.3") == strings{""});
  BOOST_TEST(in("10.42.0.2").empty());
}

BOOST_AUTO_TEST_CASE(pods_of_other_namespaces_and_machines_are_not_isolated_here) {
  policy("deny", "{podSelector: {}, policyTypes: [Ingress]}", "other");
  BOOST_TEST(rules().empty());
}

BOOST_AUTO_TEST_CASE(a_pod_that_comes_changes_elements_only) {
  policy("p", "{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: "
              "[{podSelector: {}}]}]}");
  const auto before = rules();
  pod("default", "more", "10.42.0.9", false);
  const auto change = change_policies(ip_family::v4, "t", before, rules());
  BOOST_TEST(change.additions.empty());
  BOOST_TEST(change.removals.empty());
  BOOST_TEST(change.elements.find("add element ip t p") == 0u);
  BOOST_TEST(change.elements.find("10.42.0.9") != std::string::npos);
  BOOST_TEST(change.elements.find("10.42.0.2") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_rules_of_ipv6_are_made_alike) {
  policy_planner six{ip_family::v6};
  six.set_namespace("default", api::label_set{});
  const auto add = [&](const std::string& name, const std::string& ip) {
    six.set_pod({"default", name}, policy_pod{{{"app", name}}, ip, true, {{"http", "TCP", 8080}}});
  };
  add("web", "fd42::2");
  add("db", "fd42::3");
  auto doc = api::yaml::parse(
      "{metadata: {name: p}, spec: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress, "
      "Egress], ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{protocol: "
      "TCP, port: http}]}], egress: [{to: [{ipBlock: {cidr: 'fd42::/62', except: ['fd42::/64', "
      "'fd42:0:0:2::5/128']}}, {ipBlock: {cidr: 10.0.0.0/8}}]}]}}");
  BOOST_REQUIRE(doc);
  six.set_policy({"default", "p"}, std::make_shared<const api::v1::network_policy>(
                                       api::v1::from_json<api::v1::network_policy>(*doc)));
  const auto& r = six.rules();
  const auto in = r.chains.at(r.ingress.at("fd42::3"));
  BOOST_REQUIRE_EQUAL(in.size(), 1u);
  BOOST_TEST(in.front().find("ip6 saddr @p") == 0u);
  BOOST_TEST(in.front().find("ip6 daddr . meta l4proto . th dport @n") != std::string::npos);
  const auto out = r.chains.at(r.egress.at("fd42::3"));
  BOOST_REQUIRE_EQUAL(out.size(), 1u); // the block of IPv4 says nothing here
  const auto id = out.front().substr(out.front().find('@') + 1);
  const std::set<std::string> expected{"fd42:0:0:1::-fd42:0:0:2::4",
                                       "fd42:0:0:2::6-fd42::3:ffff:ffff:ffff:ffff"};
  BOOST_TEST(r.sets.at(id.substr(0, id.find(' '))).elements == expected,
             boost::test_tools::per_element());
  BOOST_TEST(r.ingress.count("fd42::2") == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
