// The body of `thespis agent`: certificate, link, copies of the cluster's state, nodes; then waits.
#include "tools/cli/commands.hpp"

#include "tools/cluster/agent.hpp"
#include "tools/cluster/nodes.hpp"
#include "tools/cluster/roles.hpp"

#include <spdlog/spdlog.h>

#include <chrono>

#include <unistd.h>

namespace thespis::tools {

using namespace std::chrono_literals;

namespace {

constexpr auto replica_patience = 60s;

int failed(startup& start, const std::string& why) {
  spdlog::error("{}", why);
  start.fail(why);
  return 1;
}

/// The settings of this machine, with what is the same on all machines from the server.
config::settings with_cluster(config::settings s, const runtime::link::link_welcome& w) {
  if (auto range = config::parse_ranges(w.pod_cidr))
    s.network.pod_cidr = *range;
  if (auto range = config::parse_ranges(w.service_cidr))
    s.network.service_cidr = *range;
  s.network.cluster_domain = w.cluster_domain;
  s.network.cluster_dns = !w.dns_ip.empty();
  s.network.proxy_mode = w.proxy_mode;
  s.network.node_cidr_mask = w.node_cidr_mask;
  s.network.backend = w.network_backend;
  s.network.vxlan_port = w.vxlan_port;
  return s;
}

} // namespace

int run_agent(const config::settings& settings, startup& start) {
  const auto now = std::chrono::floor<std::chrono::seconds>(runtime::system_clock_port()->now());
  if (auto good = check_offers(settings.agent.roles); !good)
    return failed(start, good.error().message);
  join_options joining{settings.pki_dir(), settings.node_name(), settings.agent.server,
                       settings.agent.token};
  auto own = join_cluster(joining, now);
  if (!own)
    return failed(start, own.error().message);
  auto keeper = std::make_shared<credential_keeper>(joining, std::move(*own));
  agent a{settings, keeper};
  std::optional<runtime::link::link_welcome> welcome;
  // A server that is away does not keep the machine from coming back with it.
  while (!(welcome = a.wait_for_welcome(1s)))
    if (startup::stop_requested())
      return 0;
  start.say("Linked to " + settings.agent.server + " as " + settings.node_name());
  const auto s = with_cluster(settings, *welcome);
  if (!a.start_replicas(s.node_name(), replica_patience))
    return failed(start, "the server's state did not come in time");
  const auto host = a.host(s);
  std::unique_ptr<local_node> node;
  if (s.node.local) {
    const auto address = s.node.address.empty() ? machine_address() : s.node.address;
    auto started = local_node::start(host, s, address);
    if (!started)
      return failed(start, started.error().message);
    node = std::move(*started);
    start.say("Node " + node->name() + " runs");
  }
  std::unique_ptr<simulated_nodes> simulated;
  if (s.simulation.nodes > 0) {
    simulated = std::make_unique<simulated_nodes>(host, s);
    start.say(std::to_string(s.simulation.nodes) + " simulated nodes run");
  }
  start.ready();
  const int signal = start.wait_for_stop();
  spdlog::info("signal {}: stopping; containers go on", signal);
  return 0;
}

} // namespace thespis::tools
