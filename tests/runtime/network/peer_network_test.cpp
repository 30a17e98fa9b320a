// Planning is held alone; the rest on machines made of network namespaces, with pods behind them.
#include "runtime/cri/peer_network.hpp"

#include "proxy/net_lab.hpp"
#include "runtime/cri/command.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using namespace thespis::runtime;
using test::net_space;

namespace {

peer_network_options options_for(int n, network_backend backend) {
  peer_network_options res;
  res.backend = backend;
  res.node = "m" + std::to_string(n);
  res.address = "192.0.2." + std::to_string(n);
  res.pod_cidr = "10.42." + std::to_string(n) + ".0/24";
  res.address6 = "2001:db8::" + std::to_string(n);
  res.pod_cidr6 = "fd42:0:0:" + std::to_string(n) + "::/64";
  return res;
}

network_peer peer(const node_layout& layout, const peer_network_options& o) {
  return {o.node, o.address, o.pod_cidr, own_vxlan_end(layout, o), o.address6, o.pod_cidr6};
}

/// A machine on a wire, and one pod behind it as CNI's ptp makes them.
struct machine {
  machine(int n, network_backend backend, const std::string& subnet = "/24")
      : layout("/tmp/net-test-" + std::to_string(n)), options(options_for(n, backend)), number(n) {
    const auto pod_ip = this->pod_ip();
    const auto pod_range6 = "fd42:0:0:" + std::to_string(n) + "::";
    for (const auto* where : {&space, &pod})
      where->write("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
    space.ip("link add lan type veth peer name wire\nlink set lan up\naddr add " + options.address +
             subnet + " dev lan\naddr add " + options.address6 +
             (subnet == "/24" ? "/64" : "/128") +
             " dev lan\nlink add p type veth peer name eth0\nlink set eth0 netns " + pod.path() +
             "\nlink set p up\naddr add 10.42." + std::to_string(n) + ".1/32 dev p\nroute add " +
             pod_ip + " dev p\naddr add " + pod_range6 + "1/128 nodad dev p\nroute add " +
             pod_ip6() + " dev p");
    space.write("/proc/sys/net/ipv4/ip_forward", "1");
    space.write("/proc/sys/net/ipv6/conf/all/forwarding", "1");
    pod.ip("link set lo up\nlink set eth0 up\naddr add " + pod_ip +
           "/32 dev eth0\nroute add 10.42." + std::to_string(n) +
           ".1 dev eth0\nroute add default via 10.42." + std::to_string(n) + ".1\naddr add " +
           pod_ip6() + "/128 nodad dev eth0\nroute add " + pod_range6 +
           "1 dev eth0\nroute add default via " + pod_range6 + "1");
  }
  std::string pod_ip6() const { return "fd42:0:0:" + std::to_string(number) + "::2"; }
  std::string pod_ip() const { return "10.42." + std::to_string(number) + ".2"; }

  std::vector<std::string> program(const std::vector<network_peer>& peers) {
    std::vector<std::string> res;
    space.run([&] {
      const auto done = program_peers(layout, options, peers);
      if (!done)
        throw std::runtime_error(done.error().message);
      res = *done;
    });
    return res;
  }
  std::string show(const std::vector<std::string>& argv) const {
    std::string res;
    space.run([&] { res = run_command(argv, std::chrono::seconds{5})->text; });
    return res;
  }

  node_layout layout;
  peer_network_options options;
  int number;
  net_space space;
  net_space pod;
};

/// Machines joined by a bridge.
struct machines {
  explicit machines(network_backend backend, const std::string& subnet = "/24") {
    sw.ip("link add br0 type bridge\nlink set br0 up");
    for (int n = 1; n <= 3; ++n) {
      all.push_back(std::make_unique<machine>(n, backend, subnet));
      auto& m = *all.back();
      m.space.ip("link set wire netns " + sw.path());
      sw.ip("link set wire name w" + std::to_string(n) + "\nlink set w" + std::to_string(n) +
            " master br0 up");
      // A machine that thinks its subnet small reaches others all the same, as over a router.
      if (subnet == "/32")
        m.space.ip("route add 192.0.2.0/24 dev lan");
      for (const auto& at : {m.pod_ip(), m.pod_ip6()})
        servers.push_back(
            std::make_unique<test::answerer>(m.pod, "pod-" + std::to_string(n), at, 8080));
    }
  }
  std::vector<network_peer> others(const machine& self) const {
    std::vector<network_peer> res;
    for (const auto& m : all)
      if (m.get() != &self)
        res.push_back(peer(m->layout, m->options));
    return res;
  }
  void program() {
    for (auto& m : all)
      BOOST_TEST(m->program(others(*m)).empty());
  }
  void all_pods_reach_each_other() const {
    for (const auto& from : all)
      for (const auto& to : all) {
        const auto name = "pod-" + std::to_string(to->number) + " ";
        BOOST_TEST(test::ask_tcp(from->pod, to->pod_ip(), 8080) == name + from->pod_ip());
        BOOST_TEST(test::ask_tcp(from->pod, to->pod_ip6(), 8080) == name + from->pod_ip6());
      }
  }

  net_space sw;
  std::vector<std::unique_ptr<machine>> all;
  std::vector<std::unique_ptr<test::answerer>> servers;
};

boost::test_tools::assertion_result may_make_net_spaces(boost::unit_test::test_unit_id) {
  return test::may_make_net_spaces();
}

machine_links link_of(const char* subnet) {
  return {{"eth0", *api::parse_cidr(subnet)}};
}

peer_network_options only_v4(peer_network_options o) {
  o.address6 = o.pod_cidr6 = "";
  return o;
}

} // namespace

BOOST_AUTO_TEST_SUITE(peer_network)

BOOST_AUTO_TEST_CASE(routes_to_neighbours_and_tunnels_to_others) {
  const node_layout layout{"/var/lib/x"};
  auto own = only_v4(options_for(1, network_backend::automatic));
  auto far = peer(layout, options_for(2, network_backend::automatic));
  far.address = "198.51.100.7";
  const auto near = peer(layout, options_for(3, network_backend::automatic));
  std::vector<std::string> unreachable;
  const auto t = plan_peers(own, "vx", link_of("192.0.2.0/24"), {far, near}, unreachable);
  BOOST_TEST(unreachable.empty());
  BOOST_TEST((t.routes.at("10.42.3.0/24") == peer_table::route{"192.0.2.3", "eth0"}));
  BOOST_TEST((t.routes.at("10.42.2.0/24") == peer_table::route{"10.42.2.0", "vx"}));
  BOOST_TEST(t.neighbours.at("10.42.2.0") == far.vxlan.mac);
  BOOST_TEST(t.neighbours.size() == 1U);
  BOOST_TEST(
      (t.forwards.at(far.vxlan.mac) == peer_table::forward{"198.51.100.7", far.vxlan.vni, 8472}));
}

BOOST_AUTO_TEST_CASE(says_which_peers_a_backend_cannot_reach) {
  const node_layout layout{"/var/lib/x"};
  auto far = peer(layout, options_for(2, network_backend::vxlan));
  far.address = "198.51.100.7";
  std::vector<std::string> unreachable;
  auto t = plan_peers(only_v4(options_for(1, network_backend::routes)), "vx",
                      link_of("192.0.2.0/24"), {far}, unreachable);
  BOOST_TEST((t == peer_table{}));
  BOOST_REQUIRE_EQUAL(unreachable.size(), 1U);
  BOOST_TEST(unreachable.front() ==
             "node m2 (198.51.100.7) is not on this machine's subnet 192.0.2.0/24; the network "
             "backend vxlan reaches it");
  far.vxlan = {};
  unreachable.clear();
  t = plan_peers(only_v4(options_for(1, network_backend::vxlan)), "vx", link_of("192.0.2.0/24"),
                 {far}, unreachable);
  BOOST_TEST((t == peer_table{}));
  BOOST_TEST(unreachable.front() == "node m2 has not said how VXLAN reaches it");
}

BOOST_AUTO_TEST_CASE(two_clusters_and_two_nodes_have_devices_of_their_own) {
  const auto a = options_for(1, network_backend::vxlan);
  const auto b = options_for(2, network_backend::vxlan);
  const node_layout one{"/var/lib/one"};
  const node_layout two{"/var/lib/two"};
  BOOST_TEST(own_vxlan_end(one, a).mac != own_vxlan_end(one, b).mac);
  BOOST_TEST(own_vxlan_end(one, a).vni != own_vxlan_end(two, a).vni);
  BOOST_TEST((own_vxlan_end(one, a) == own_vxlan_end(one, a)));
  BOOST_TEST(own_vxlan_end(one, options_for(1, network_backend::routes)).vni == 0U);
}

BOOST_AUTO_TEST_CASE(changes_only_what_differs) {
  peer_table from;
  from.routes["10.42.2.0/24"] = {"192.0.2.2", "eth0"};
  from.routes["10.42.3.0/24"] = {"192.0.2.3", "eth0"};
  auto to = from;
  BOOST_TEST(change_peers(from, to, "vx", 130).ip == "");
  to.routes.erase("10.42.2.0/24");
  to.routes["10.42.3.0/24"].via = "192.0.2.9";
  BOOST_TEST(change_peers(from, to, "vx", 130).ip ==
             "route del 10.42.2.0/24 proto 130\n"
             "route replace 10.42.3.0/24 via 192.0.2.9 dev eth0 onlink proto 130\n");
}

BOOST_AUTO_TEST_CASE(ipv6_goes_by_routes_to_neighbours_and_through_the_tunnel_to_others) {
  const node_layout layout{"/var/lib/x"};
  auto far = peer(layout, options_for(2, network_backend::automatic));
  far.address6 = "2001:db8:7::2"; // a neighbour by IPv4 alone
  const auto near = peer(layout, options_for(3, network_backend::automatic));
  auto links = link_of("192.0.2.0/24");
  links.v6 = machine_link{"eth0", *api::parse_cidr("2001:db8::/64")};
  std::vector<std::string> unreachable;
  const auto t =
      plan_peers(options_for(1, network_backend::automatic), "vx", links, {far, near}, unreachable);
  BOOST_TEST(unreachable.empty());
  BOOST_TEST((t.routes.at("10.42.2.0/24") == peer_table::route{"192.0.2.2", "eth0"}));
  BOOST_TEST((t.routes.at("fd42:0:0:3::/64") == peer_table::route{"2001:db8::3", "eth0"}));
  BOOST_TEST((t.routes.at("fd42:0:0:2::/64") == peer_table::route{"fd42:0:0:2::", "vx"}));
  BOOST_TEST(t.neighbours.at("fd42:0:0:2::") == far.vxlan.mac);
  BOOST_TEST(t.forwards.at(far.vxlan.mac).to == "192.0.2.2");
  // Without IPv6 pods of its own a machine has no way to others'.
  const auto none = plan_peers(only_v4(options_for(1, network_backend::automatic)), "vx", links,
                               {far, near}, unreachable);
  BOOST_TEST(none.routes.size() == 2U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(real_peer_network, *boost::unit_test::precondition(may_make_net_spaces))

BOOST_AUTO_TEST_CASE(pods_of_three_machines_reach_each_other_over_routes) {
  machines m{network_backend::routes};
  m.program();
  m.all_pods_reach_each_other();
  BOOST_TEST(m.all[0]->show({"ip", "link"}).find("vxlan") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(pods_of_three_machines_reach_each_other_over_vxlan) {
  machines m{network_backend::vxlan};
  m.program();
  m.all_pods_reach_each_other();
  const auto route = m.all[0]->show({"ip", "route", "get", "10.42.2.2"});
  BOOST_TEST(route.find("dev thvx") != std::string::npos, route);
  BOOST_TEST(m.all[0]->show({"ip", "link"}).find("mtu 1450") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(machines_that_are_no_neighbours_are_reached_by_themselves_over_vxlan) {
  machines m{network_backend::automatic, "/32"};
  m.program();
  m.all_pods_reach_each_other();
}

BOOST_AUTO_TEST_CASE(a_peer_that_goes_or_moves_leaves_nothing_behind) {
  machines m{network_backend::vxlan};
  m.program();
  auto& one = *m.all[0];
  auto peers = m.others(one);
  peers[0].vxlan.mac = "02:00:00:00:00:99";
  peers[0].address = "192.0.2.77";
  one.program(peers);
  const auto fdb = one.show({"bridge", "fdb", "show"});
  BOOST_TEST(fdb.find("dst 192.0.2.2 ") == std::string::npos, fdb);
  BOOST_TEST(fdb.find("02:00:00:00:00:99") != std::string::npos, fdb);
  one.program({});
  BOOST_TEST(one.show({"ip", "route"}).find("thvx") == std::string::npos);
  BOOST_TEST(one.show({"ip", "neigh"}).find("PERMANENT") == std::string::npos);
  BOOST_TEST(one.show({"bridge", "fdb", "show"}).find("02:00:00:00:00:99") == std::string::npos);
  m.program();
  m.all_pods_reach_each_other();
  one.space.run([&] { tear_down_peers(one.layout); });
  BOOST_TEST(one.show({"ip", "link"}).find("thvx") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_somebody_removed_comes_back_and_what_is_right_stays_untouched) {
  machines m{network_backend::routes};
  m.program();
  auto& one = *m.all[0];
  one.space.ip("route del 10.42.2.0/24\nroute add 203.0.113.0/24 via 192.0.2.2");
  one.program(m.others(one));
  const auto routes = one.show({"ip", "route"});
  BOOST_TEST(routes.find("10.42.2.0/24 via 192.0.2.2") != std::string::npos, routes);
  BOOST_TEST(routes.find("203.0.113.0/24") != std::string::npos, routes);
  one.space.run([&] { tear_down_peers(one.layout); });
  const auto after = one.show({"ip", "route"});
  BOOST_TEST(after.find("10.42.2.0/24") == std::string::npos, after);
  BOOST_TEST(after.find("203.0.113.0/24") != std::string::npos, after);
}

BOOST_AUTO_TEST_CASE(an_address_that_no_interface_has_is_refused) {
  machine m{1, network_backend::routes};
  m.options.address = "192.0.2.200";
  std::string why;
  m.space.run([&] { why = program_peers(m.layout, m.options, {}).error().message; });
  BOOST_TEST(why == "no interface of this machine has the address 192.0.2.200");
}

BOOST_AUTO_TEST_SUITE_END()
