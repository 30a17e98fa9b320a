#include "actors/fixture.hpp"
#include "api/generated/core_v1_node.hpp"
#include "runtime/network/network_actor.hpp"

using namespace thespis;
using namespace thespis::test;

namespace {

struct fake_kernel final : runtime::network_port {
  runtime::vxlan_end own_end() const override { return {7, 8472, "02:00:00:00:00:07"}; }
  void program(std::vector<std::string> pod_cidrs, std::vector<runtime::network_peer> peers,
               answer done) override {
    ++programmed;
    own = std::move(pod_cidrs);
    told = std::move(peers);
    if (hold)
      held.push_back(done);
    else if (failure.empty())
      done(std::vector<std::string>{});
    else
      done(api::fail(api::internal_error(failure)));
  }
  std::vector<std::string> own;
  std::string failure;
  std::vector<runtime::network_peer> told;
  std::vector<answer> held;
  bool hold = false;
  int programmed = 0;
};

struct network_fixture : cluster_fixture {
  network_fixture() {
    add("own", "192.0.2.1", "10.42.0.0/24");
    start();
  }
  void start() {
    runtime::network_deps deps;
    deps.env = env();
    deps.node = "own";
    deps.kernel = kernel;
    play<runtime::network_actor>(runtime::network_role, deps);
    advance(1s);
  }
  void add(const std::string& name, const std::string& address, const std::string& cidr,
           const std::string& annotation = {}) {
    create("{apiVersion: v1, kind: Node, metadata: {name: " + name +
           (annotation.empty() ? "" : ", annotations: {" + annotation + "}") + "}, spec: {" +
           (cidr.empty() ? "" : "podCIDR: " + cidr + ", podCIDRs: [" + cidr + "]") +
           "}, status: {addresses: [{type: InternalIP, address: " + address + "}]}}");
  }
  std::string told() const {
    std::string res;
    for (const auto& p : kernel->told)
      res += p.node + " " + p.address + " " + p.pod_cidr + ";";
    return res;
  }
  std::string condition() const {
    for (const auto& c : get<api::v1::node>("own", "").status.conditions)
      if (c.type == "NetworkUnavailable")
        return c.status + " " + c.reason;
    return {};
  }
  std::shared_ptr<fake_kernel> kernel = std::make_shared<fake_kernel>();
};

} // namespace

BOOST_AUTO_TEST_SUITE(network_actor)

BOOST_AUTO_TEST_CASE(follows_the_nodes_that_come_and_go) {
  network_fixture f;
  BOOST_TEST(f.kernel->own == std::vector<std::string>{"10.42.0.0/24"});
  BOOST_TEST(f.told() == "");
  f.add("b", "192.0.2.2", "10.42.1.0/24");
  f.add("without-range", "192.0.2.3", "");
  f.add("in-memory", "127.0.0.1", "10.42.3.0/24");
  f.advance(1s);
  BOOST_TEST(f.told() == "b 192.0.2.2 10.42.1.0/24;");
  f.remove("nodes", "b", "");
  f.advance(1s);
  BOOST_TEST(f.told() == "");
}

BOOST_AUTO_TEST_CASE(says_how_it_is_reached_and_that_it_reaches_others) {
  network_fixture f;
  const auto own = f.get<api::v1::node>("own", "");
  BOOST_TEST(own.metadata.annotations.at("network.thespis.dev/vxlan") ==
             R"({"vni":7,"port":8472,"mac":"02:00:00:00:00:07"})");
  BOOST_TEST(f.condition() == "False RouteCreated");
  f.kernel->failure = "no such device";
  f.add("b", "192.0.2.2", "10.42.1.0/24");
  f.advance(1s);
  BOOST_TEST(f.condition() == "True NoRouteCreated");
  f.kernel->failure.clear();
  f.advance(2s);
  BOOST_TEST(f.condition() == "False RouteCreated");
}

BOOST_AUTO_TEST_CASE(takes_only_annotations_that_are_what_they_should_be) {
  network_fixture f;
  const char* good =
      R"('network.thespis.dev/vxlan': '{"vni":9,"port":1,"mac":"02:aa:00:00:00:09"}')";
  const char* evil =
      R"('network.thespis.dev/vxlan': '{"vni":9,"port":1,"mac":"02:aa:00\nlink del eth0"}')";
  f.add("b", "192.0.2.2", "10.42.1.0/24", good);
  f.add("c", "192.0.2.3", "10.42.2.0/24", evil);
  f.advance(1s);
  BOOST_REQUIRE_EQUAL(f.kernel->told.size(), 2U);
  BOOST_TEST((f.kernel->told[0].vxlan == runtime::vxlan_end{9, 1, "02:aa:00:00:00:09"}));
  BOOST_TEST(f.kernel->told[1].vxlan.vni == 0U);
}

BOOST_AUTO_TEST_CASE(nodes_that_come_together_are_programmed_together_and_heartbeats_not_at_all) {
  network_fixture f;
  const auto before = f.kernel->programmed;
  for (int i = 0; i < 50; ++i)
    f.add("n" + std::to_string(i), "192.0.2." + std::to_string(i + 10),
          "10.42." + std::to_string(i + 10) + ".0/24");
  f.advance(1s);
  BOOST_TEST(f.kernel->told.size() == 50U);
  BOOST_TEST(f.kernel->programmed == before + 1);
  f.patch("nodes", "n1", "{metadata: {labels: {tier: one}}}", {}, "");
  f.advance(1s);
  BOOST_TEST(f.kernel->programmed == before + 1);
  // Now and then the kernel is looked at, for somebody else may have changed it.
  f.advance(2min);
  BOOST_TEST(f.kernel->programmed >= before + 2);
}

BOOST_AUTO_TEST_CASE(what_changes_while_the_kernel_is_programmed_follows) {
  network_fixture f;
  f.kernel->hold = true;
  f.add("b", "192.0.2.2", "10.42.1.0/24");
  f.advance(1s);
  BOOST_REQUIRE_EQUAL(f.kernel->held.size(), 1U);
  f.add("c", "192.0.2.3", "10.42.2.0/24");
  f.advance(5s);
  BOOST_TEST(f.kernel->held.size() == 1U);
  f.kernel->hold = false;
  f.kernel->held.front()(std::vector<std::string>{});
  f.advance(1s);
  BOOST_TEST(f.told() == "b 192.0.2.2 10.42.1.0/24;c 192.0.2.3 10.42.2.0/24;");
}

BOOST_AUTO_TEST_CASE(a_new_actor_takes_over) {
  network_fixture f;
  f.add("b", "192.0.2.2", "10.42.1.0/24");
  f.kill(runtime::network_role);
  f.add("c", "192.0.2.3", "10.42.2.0/24");
  f.start();
  BOOST_TEST(f.told() == "b 192.0.2.2 10.42.1.0/24;c 192.0.2.3 10.42.2.0/24;");
}

BOOST_AUTO_TEST_CASE(both_families_of_a_peer_are_told) {
  network_fixture f;
  f.create("{apiVersion: v1, kind: Node, metadata: {name: d}, spec: {podCIDR: 'fd42:0:0:3::/64', "
           "podCIDRs: ['fd42:0:0:3::/64', 10.42.3.0/24]}, status: {addresses: [{type: InternalIP, "
           "address: 'fe80::1'}, {type: InternalIP, address: '2001:db8::3'}, {type: InternalIP, "
           "address: 192.0.2.3}]}}");
  f.advance(1s);
  BOOST_REQUIRE_EQUAL(f.kernel->told.size(), 1U);
  const auto& p = f.kernel->told.front();
  BOOST_TEST(p.address == "192.0.2.3");
  BOOST_TEST(p.pod_cidr == "10.42.3.0/24");
  BOOST_TEST(p.address6 == "2001:db8::3");
  BOOST_TEST(p.pod_cidr6 == "fd42:0:0:3::/64");
}

BOOST_AUTO_TEST_SUITE_END()
