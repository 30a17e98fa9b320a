// What pods' traffic looks like on the wire, and two nodes on one machine.
#include "node_fixture.hpp"

#include "runtime/cri/containerd_child.hpp"

#include "api/json.hpp"

#include <boost/test/unit_test.hpp>

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

using namespace thespis;
using namespace thespis::runtime;
using namespace thespis::runtime::test;

namespace {

std::string must_run(const std::vector<std::string>& argv, const std::string& input = {}) {
  const auto r = check_command(argv, seconds{20}, input);
  BOOST_REQUIRE_MESSAGE(r.has_value(), (r ? "" : r.error().message));
  return *r;
}

/// A shell script that answers requests to port 9000 with the address they come from.
std::string tell_peer(const std::string& dir = "/tmp/www") {
  return "mkdir -p " + dir + "/cgi-bin; cd " + dir +
         R"(; printf '#!/bin/sh\necho; echo from $REMOTE_ADDR | tr -d [] | sed s/::ffff://\n' > cgi-bin/index.cgi; )"
         "chmod 755 cgi-bin/index.cgi; exec busybox httpd -f -p 9000 -h .";
}

/// A machine beyond this one: a network namespace behind a link of its own.
struct outside {
  outside() {
    must_run({"ip", "netns", "add", name});
    must_run(
        {"ip", "link", "add", "thp-test0", "type", "veth", "peer", "name", "eth0", "netns", name});
    must_run({"ip", "addr", "add", "198.51.100.1/24", "dev", "thp-test0"});
    must_run({"ip", "link", "set", "thp-test0", "up"});
    must_run({"ip", "-n", name, "addr", "add", "198.51.100.2/24", "dev", "eth0"});
    must_run({"ip", "-n", name, "link", "set", "eth0", "up"});
    must_run({"ip", "-n", name, "link", "set", "lo", "up"});
  }
  ~outside() {
    if (server > 0) {
      ::kill(server, SIGKILL);
      ::waitpid(server, nullptr, 0);
    }
    (void)run_command({"ip", "netns", "del", name}, seconds{20});
    fs::remove_all(dir);
  }

  void serve() {
    const std::string script = tell_peer(dir.string());
    const char* argv[] = {"ip", "netns", "exec", name.c_str(), "sh", "-c", script.c_str(), nullptr};
    BOOST_REQUIRE(
        ::posix_spawnp(&server, "ip", nullptr, nullptr, const_cast<char**>(argv), environ) == 0);
  }

  const std::string name = "thespis-test-" + std::to_string(::getpid());
  const fs::path dir = "/tmp/" + name;
  pid_t server = 0;
};

std::string ip_of(pod& p) {
  return must<sandbox_status>([&](auto cb) { p.host.cri->get_sandbox(p.id, cb); }).ips.front();
}

/// What tell_peer answers a container; empty when it never does.
std::string ask(pod& p, const std::string& container, const std::string& address) {
  return p
      .exec(container, "for i in 1 2 3 4 5 6 7 8 9 10; do timeout 5 wget -q -O - http://" +
                           address + ":9000/ && break; sleep 0.2; done")
      .out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(pod_network)

BOOST_AUTO_TEST_CASE(configures_links_addresses_and_host_ports_below_the_data_directory) {
  const node_layout layout{"/var/lib/some \"node\""};
  pod_network_options options;
  options.pod_cidrs = {"10.1.2.0/24"};
  options.mtu = 1400;
  const auto doc = api::json::parse(make_cni_config(layout, options));
  BOOST_REQUIRE(doc.has_value());
  BOOST_TEST(api::json::get_string(*doc, "name") == layout.network_name());
  const auto& plugins = *api::json::find(*doc, "plugins");
  BOOST_REQUIRE(plugins.IsArray());
  BOOST_TEST(api::json::get_string(plugins[0], "type") == "ptp");
  BOOST_TEST(api::json::get_int(plugins[0], "mtu") == 1400);
  BOOST_TEST(!api::json::get_bool(plugins[0], "ipMasq", true));
  const auto& ipam = *api::json::find(plugins[0], "ipam");
  BOOST_TEST(api::json::get_string(ipam, "dataDir") == layout.cni_ipam().string());
  BOOST_TEST(api::json::get_string(plugins[1], "type") == "portmap");
}

BOOST_AUTO_TEST_CASE(names_differ_between_data_directories_and_not_between_spellings) {
  const node_layout a{"/var/lib/thespis"};
  BOOST_TEST(a.instance() == node_layout{"/var/lib/../lib/thespis/"}.instance());
  const node_layout b{"/var/lib/thespis2"};
  BOOST_TEST(a.network_name() != b.network_name());
  BOOST_TEST(a.nft_table() != b.nft_table());
  BOOST_TEST(a.cgroup_root() != b.cgroup_root());
  const node_layout deep{"/tmp/" + std::string(120, 'x')};
  BOOST_TEST(deep.containerd_socket().string().size() < 100U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(real_pod_network, *boost::unit_test::precondition(needs_root))

BOOST_AUTO_TEST_CASE(only_traffic_that_leaves_the_cluster_has_the_nodes_address) {
  node n{"10.213.78.0/24"};
  outside world;
  world.serve();
  pod a{n, "a"};
  pod b{n, "b"};
  a.run();
  b.run();
  a.start(pod::shell("server", tell_peer()));
  const auto client = b.start(pod::shell("client", "sleep 1000"));
  const auto direct = ask(b, client, ip_of(a));
  BOOST_TEST(direct == "from " + ip_of(b) + "\n");
  const auto beyond = ask(b, client, "198.51.100.2");
  BOOST_TEST(beyond == "from 198.51.100.1\n");

  // A service's address becomes a pod's before masquerading looks at it.
  const std::string table = "thespis_test_" + std::to_string(::getpid());
  must_run({"nft", "-f", "-"}, "table ip " + table +
                                   " { chain pre { type nat hook prerouting priority dstnat; "
                                   "ip daddr 10.96.213.1 dnat to " +
                                   ip_of(a) + "; }\n}\n");
  const auto through_service = ask(b, client, "10.96.213.1");
  must_run({"nft", "delete", "table", "ip", table});
  BOOST_TEST(through_service == "from " + ip_of(b) + "\n");
}

BOOST_AUTO_TEST_CASE(two_nodes_live_side_by_side_and_go_one_by_one) {
  node first{"10.213.79.0/24"};
  node second{"10.213.80.0/24"};
  pod a{first, "same"};
  pod b{second, "same"};
  a.run();
  b.run();
  const auto in_a = a.start(pod::shell("main", "sleep 1000"));
  const auto in_b = b.start(pod::shell("main", tell_peer()));
  BOOST_TEST(ip_of(a).starts_with("10.213.79."));
  BOOST_TEST(ip_of(b).starts_with("10.213.80."));
  BOOST_TEST(ask(a, in_a, ip_of(b)).starts_with("from "));
  a.id.clear();
  first.stop();
  const auto report = clean_up_node(first.options);
  BOOST_TEST(report.sandboxes_removed == 1U);
  BOOST_TEST((b.status(in_b).state == container_state::running));
  BOOST_TEST(b.exec(in_b, "wget -q -O - http://127.0.0.1:9000").out == "from 127.0.0.1\n");
  const auto tables = must_run({"nft", "list", "tables"});
  BOOST_TEST(tables.find(node_layout{second.dir}.nft_table()) != std::string::npos);
  BOOST_TEST(tables.find(node_layout{first.dir}.nft_table()) == std::string::npos);
}

/// Run by the next case in a process of its own: starts the node whose directory the environment
/// names, and holds it until it is killed.
BOOST_AUTO_TEST_CASE(hold, *boost::unit_test::precondition([](auto) {
                       return std::getenv("THESPIS_TEST_HOLD") != nullptr;
                     })) {
  containerd_options options;
  options.data_dir = std::getenv("THESPIS_TEST_HOLD");
  const auto started = containerd_process::start(options);
  BOOST_REQUIRE(started.has_value());
  std::ofstream{options.data_dir / "held"} << "yes";
  std::promise<void> never;
  never.get_future().wait_for(std::chrono::minutes{5});
}

BOOST_AUTO_TEST_CASE(killing_the_owner_ends_containerd_and_leaves_the_containers) {
  node n{"10.213.81.0/24"};
  pod p{n, "kept"};
  p.run();
  const auto id = p.start(pod::shell("main", "sleep 1000"));
  const auto started_at = p.status(id).started_at;
  n.stop();

  const std::string variable = "THESPIS_TEST_HOLD=" + n.dir.string();
  const std::string path = std::string{"PATH="} + std::getenv("PATH");
  const char* argv[] = {"owner", "--run_test=real_pod_network/hold", "--log_level=nothing",
                        nullptr};
  const char* environment[] = {variable.c_str(), path.c_str(), nullptr};
  pid_t owner = 0;
  BOOST_REQUIRE(::posix_spawn(&owner, "/proc/self/exe", nullptr, nullptr, const_cast<char**>(argv),
                              const_cast<char**>(environment)) == 0);
  std::promise<void> never;
  const auto pause = never.get_future();
  const auto eventually = [&](auto condition) {
    for (int i = 0; i < 600 && !condition(); ++i)
      pause.wait_for(std::chrono::milliseconds{100});
    return condition();
  };
  const node_layout layout{n.dir};
  BOOST_TEST(eventually([&] { return fs::exists(n.dir / "held"); }));
  BOOST_TEST(find_containerd(layout).size() == 1U);
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  BOOST_TEST(eventually([&] { return find_containerd(layout).empty(); }));
  BOOST_TEST(find_shims(layout).size() == 1U);
  n.start();
  BOOST_TEST((p.status(id).state == container_state::running));
  BOOST_TEST(p.status(id).started_at == started_at);
}

BOOST_AUTO_TEST_CASE(a_second_range_gives_a_second_address_that_serves_at_once) {
  const node_layout layout{"/var/lib/thespis"};
  pod_network_options options;
  options.pod_cidrs = {"fd42:0:0:1::/64", "10.1.2.0/24"};
  const auto doc = api::json::parse(make_cni_config(layout, options));
  BOOST_REQUIRE(doc.has_value());
  const auto& plugins = *api::json::find(*doc, "plugins");
  BOOST_REQUIRE_EQUAL(plugins.Size(), 4U);
  BOOST_TEST(api::json::get_string(plugins[1], "type") == "tuning");
  const auto* sysctl = api::json::find(plugins[1], "sysctl");
  BOOST_REQUIRE(sysctl);
  BOOST_TEST(api::json::get_string(*sysctl, "net.ipv6.conf.default.accept_dad") == "0");
  const auto& ipam = *api::json::find(plugins[2], "ipam");
  const auto& ranges = *api::json::find(ipam, "ranges");
  BOOST_REQUIRE_EQUAL(ranges.Size(), 2U);
  BOOST_TEST(api::json::get_string(ranges[0][0], "subnet") == "fd42:0:0:1::/64");
  BOOST_TEST(api::json::get_string(ranges[1][0], "subnet") == "10.1.2.0/24");
  const auto& routes = *api::json::find(ipam, "routes");
  BOOST_REQUIRE_EQUAL(routes.Size(), 2U);
  BOOST_TEST(api::json::get_string(routes[0], "dst") == "::/0");
}

BOOST_AUTO_TEST_SUITE_END()
