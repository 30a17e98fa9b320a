#include "actors/controllers/node_ipam.hpp"
#include "actors/fixture.hpp"
#include "api/generated/core_v1_event.hpp"
#include "api/generated/core_v1_node.hpp"

#include <set>

using namespace thespis;
using namespace thespis::test;
using api::v1::node;

namespace {

struct ipam_fixture : cluster_fixture {
  explicit ipam_fixture(fixture_options options = {}) : cluster_fixture(options) {}

  void run(const char* range = "10.42.0.0/16", unsigned mask = 24) {
    run_controller([range, mask] {
      return actors::make_node_ipam_controller({{{*api::parse_cidr(range), mask}}});
    });
  }

  void run_both(const char* v4, unsigned v4_mask, const char* v6, unsigned v6_mask) {
    run_controller([=] {
      return actors::make_node_ipam_controller(
          {{{*api::parse_cidr(v4), v4_mask}, {*api::parse_cidr(v6), v6_mask}}});
    });
  }

  /// Both, one after the other; the first is podCIDR.
  std::string both(const std::string& name) const {
    const auto n = get<node>(name, "");
    std::string res;
    for (const auto& range : n.spec.pod_cidrs)
      res += (res.empty() ? "" : " ") + range;
    if (!n.spec.pod_cidrs.empty())
      BOOST_TEST(n.spec.pod_cidr == n.spec.pod_cidrs.front());
    return res;
  }

  void add(const std::string& name, const std::string& cidr = {}) {
    create("{apiVersion: v1, kind: Node, metadata: {name: " + name + "}" +
           (cidr.empty() ? "" : ", spec: {podCIDR: " + cidr + ", podCIDRs: [" + cidr + "]}") + "}");
  }

  std::string cidr(const std::string& name) const {
    const auto n = get<node>(name, "");
    if (n.spec.pod_cidr.empty())
      return "none";
    BOOST_REQUIRE_EQUAL(n.spec.pod_cidrs.size(), 1U);
    BOOST_TEST(n.spec.pod_cidrs.front() == n.spec.pod_cidr);
    return n.spec.pod_cidr;
  }

  int told(const std::string& name) const {
    int res = 0;
    for (const auto& e : list<api::v1::event>())
      if (e.reason == "CIDRNotAvailable" && e.involved_object.name == name) {
        BOOST_TEST(e.message == "Node " + name + " status is now: CIDRNotAvailable");
        res += std::max(1, e.count.value_or(1));
      }
    return res;
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(node_ipam)

BOOST_AUTO_TEST_CASE(gives_each_node_the_next_range_and_leaves_it_there) {
  ipam_fixture f;
  f.run();
  f.add("a");
  f.add("b");
  f.settle();
  BOOST_TEST(f.cidr("a") == "10.42.0.0/24");
  BOOST_TEST(f.cidr("b") == "10.42.1.0/24");
  f.patch("nodes", "a", "{metadata: {labels: {tier: one}}}", {}, "");
  f.settle();
  BOOST_TEST(f.cidr("a") == "10.42.0.0/24");
}

BOOST_AUTO_TEST_CASE(gives_no_range_twice_after_a_restart_nor_one_that_a_node_brought) {
  ipam_fixture f;
  f.add("old", "10.42.0.0/24");
  f.add("wide", "10.42.2.0/23");
  f.add("elsewhere", "192.168.0.0/24");
  f.run();
  for (const char* name : {"a", "b", "c"})
    f.add(name);
  f.settle();
  BOOST_TEST(f.cidr("old") == "10.42.0.0/24");
  BOOST_TEST(f.cidr("wide") == "10.42.2.0/23");
  BOOST_TEST(f.cidr("elsewhere") == "192.168.0.0/24");
  BOOST_TEST((std::set{f.cidr("a"), f.cidr("b"), f.cidr("c")} ==
              std::set<std::string>{"10.42.1.0/24", "10.42.4.0/24", "10.42.5.0/24"}));
}

BOOST_AUTO_TEST_CASE(many_nodes_at_once_get_ranges_of_their_own_in_any_order) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    ipam_fixture f{{seed, true}};
    f.run("10.42.0.0/16", 24);
    for (int i = 0; i < 40; ++i)
      f.add("n" + std::to_string(i));
    f.settle();
    std::set<std::string> all;
    for (int i = 0; i < 40; ++i)
      all.insert(f.cidr("n" + std::to_string(i)));
    BOOST_TEST(all.size() == 40U);
    BOOST_TEST(!all.contains("none"));
  }
}

BOOST_AUTO_TEST_CASE(tells_a_node_that_nothing_is_left_and_serves_it_when_another_goes) {
  ipam_fixture f;
  f.run("10.42.0.0/23", 24);
  f.add("a");
  f.add("b");
  f.settle();
  f.add("late");
  f.settle();
  BOOST_TEST(f.cidr("late") == "none");
  BOOST_TEST(f.told("late") == 1);
  f.remove("nodes", "a", "");
  f.settle();
  BOOST_TEST(f.cidr("late") == "10.42.0.0/24");
  BOOST_TEST(f.told("a") + f.told("b") == 0);
}

BOOST_AUTO_TEST_CASE(gives_a_freed_range_again_only_after_those_that_nobody_had) {
  ipam_fixture f;
  f.run("10.42.0.0/22", 24);
  for (const char* name : {"a", "b"}) {
    f.add(name);
    f.settle();
  }
  f.remove("nodes", "a", "");
  for (const char* name : {"c", "d", "e"}) {
    f.add(name);
    f.settle();
  }
  BOOST_TEST(f.cidr("c") == "10.42.2.0/24");
  BOOST_TEST(f.cidr("d") == "10.42.3.0/24");
  BOOST_TEST(f.cidr("e") == "10.42.0.0/24");
}

BOOST_AUTO_TEST_CASE(gives_a_share_of_each_family) {
  ipam_fixture f;
  f.add("old", "10.42.0.0/24"); // before the cluster had both families: it stays so
  f.create("{apiVersion: v1, kind: Node, metadata: {name: brought}, spec: {podCIDR: "
           "10.42.1.0/24, podCIDRs: [10.42.1.0/24, 'fd42:0:0:1::/64']}}");
  f.run_both("10.42.0.0/16", 24, "fd42::/56", 64);
  f.add("a");
  f.settle();
  f.add("b");
  f.settle();
  BOOST_TEST(f.both("old") == "10.42.0.0/24");
  BOOST_TEST(f.both("brought") == "10.42.1.0/24 fd42:0:0:1::/64");
  BOOST_TEST(f.both("a") == "10.42.2.0/24 fd42::/64");
  BOOST_TEST(f.both("b") == "10.42.3.0/24 fd42:0:0:2::/64");
}

BOOST_AUTO_TEST_CASE(gives_a_node_both_families_or_none) {
  ipam_fixture f;
  f.run_both("10.42.0.0/22", 24, "fd42::/63", 64); // four and two shares
  for (const char* name : {"a", "b", "c"}) {
    f.add(name);
    f.settle();
  }
  BOOST_TEST(f.both("b") == "10.42.1.0/24 fd42:0:0:1::/64");
  BOOST_TEST(f.both("c") == "");
  BOOST_TEST(f.told("c") == 1);
  f.remove("nodes", "a", "");
  f.settle();
  BOOST_TEST(f.both("c") == "10.42.3.0/24 fd42::/64");
}

BOOST_AUTO_TEST_CASE(shares_of_a_single_ipv6_range_meet_ranges_of_other_sizes) {
  ipam_fixture f;
  f.add("wide", "'fd42:0:0:2::/63'");
  f.add("narrow", "'fd42:0:0:1:8000::/80'");
  f.run("fd42::/61", 64);
  for (const char* name : {"a", "b"}) {
    f.add(name);
    f.settle();
  }
  BOOST_TEST(f.cidr("a") == "fd42::/64");
  BOOST_TEST(f.cidr("b") == "fd42:0:0:4::/64");
}

BOOST_AUTO_TEST_SUITE_END()
