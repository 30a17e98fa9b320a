#include "runtime/cri/pod_network.hpp"

#include "api/json.hpp"
#include "runtime/cri/command.hpp"

#include <spdlog/spdlog.h>

#include <fstream>
#include <sstream>

namespace thespis::runtime {

namespace {

namespace fs = std::filesystem;
constexpr std::chrono::milliseconds helper_timeout{10'000};
constexpr int ethernet_mtu = 1500;
const char* const cni_results = "/var/lib/cni/results";

/// The interface of the default route, or empty.
std::string default_interface() {
  std::ifstream routes{"/proc/net/route"};
  std::string line;
  std::getline(routes, line); // the heading
  while (std::getline(routes, line)) {
    std::istringstream fields{line};
    std::string interface;
    std::string destination;
    fields >> interface >> destination;
    if (destination == "00000000")
      return interface;
  }
  return {};
}

std::string masquerade_table(const node_layout& layout, const pod_network_options& options) {
  std::string native = options.pod_cidr + ", 224.0.0.0/4";
  for (const auto& cidr : options.native_cidrs)
    native += ", " + cidr;
  const std::string name = "ip " + layout.nft_table();
  // Services need no exception: their addresses have become a pod's by now.
  return "table " + name + "\ndelete table " + name + "\ntable " + name +
         " {\n"
         "  set native { type ipv4_addr; flags interval; auto-merge; elements = { " +
         native +
         " } }\n"
         "  chain postrouting {\n"
         "    type nat hook postrouting priority srcnat; policy accept;\n"
         "    ip saddr " +
         options.pod_cidr +
         " ip daddr != @native masquerade\n"
         "  }\n"
         "}\n";
}

std::vector<std::string> forward_rule(const node_layout& layout, std::string_view action,
                                      const char* direction, const std::string& cidr) {
  return {"iptables", "-w", "5",  "-t",      "filter",    std::string{action},   "FORWARD",
          direction,  cidr, "-m", "comment", "--comment", layout.network_name(), "-j",
          "ACCEPT"};
}

/// Machines with Docker drop forwarded packets by default.
void admit_forwarding(const node_layout& layout, const pod_network_options& options) {
  const auto rules = run_command({"iptables", "-w", "5", "-S", "FORWARD"}, helper_timeout);
  if (!rules || rules->text.find("-P FORWARD DROP") == std::string::npos)
    return;
  for (const char* direction : {"-s", "-d"}) {
    const auto present =
        run_command(forward_rule(layout, "-C", direction, options.pod_cidr), helper_timeout);
    if (present && present->exit_code == 0)
      continue;
    const auto added =
        check_command(forward_rule(layout, "-I", direction, options.pod_cidr), helper_timeout);
    if (!added)
      spdlog::warn("pod network: {}", added.error().message);
  }
}

/// Deletes the rules of a chain that carry our network's name, and the chains they jump to.
void delete_named_rules(const std::string& table, const std::string& chain,
                        const std::string& network) {
  const auto listed =
      run_command({"iptables", "-w", "5", "-t", table, "-S", chain}, helper_timeout);
  if (!listed || listed->exit_code != 0)
    return;
  std::string script;
  std::istringstream lines{listed->text};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("-A ") || line.find(network) == std::string::npos)
      continue;
    script += "-D " + line.substr(3) + "\n";
    const auto jump = line.find("-j CNI-DN-");
    if (jump == std::string::npos)
      continue;
    const auto target = line.substr(jump + 3, line.find(' ', jump + 3) - jump - 3);
    script += "-F " + target + "\n-X " + target + "\n";
  }
  if (script.empty())
    return;
  const auto done = check_command({"iptables-restore", "-w", "5", "--noflush"}, helper_timeout,
                                  "*" + table + "\n" + script + "COMMIT\n");
  if (!done)
    spdlog::warn("pod network: {}", done.error().message);
}

/// The portmap plugin never removes its own chains: they go with the last rule in them, whoever's.
void delete_empty_hostport_chains() {
  const auto rules = run_command({"iptables", "-w", "5", "-t", "nat", "-S"}, helper_timeout);
  if (!rules || rules->text.find("-N CNI-HOSTPORT-DNAT") == std::string::npos ||
      rules->text.find("-A CNI-HOSTPORT-DNAT") != std::string::npos)
    return;
  std::string script = "*nat\n";
  std::istringstream lines{rules->text};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("-A ") && line.find("-j CNI-HOSTPORT-") != std::string::npos)
      script += "-D " + line.substr(3) + "\n";
  }
  for (const char* chain : {"CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-MASQ", "CNI-HOSTPORT-SETMARK"}) {
    if (rules->text.find(std::string{"-N "} + chain) != std::string::npos)
      script += std::string{"-F "} + chain + "\n-X " + chain + "\n";
  }
  const auto done = check_command({"iptables-restore", "-w", "5", "--noflush"}, helper_timeout,
                                  script + "COMMIT\n");
  if (!done)
    spdlog::warn("pod network: {}", done.error().message);
}

bool write_file(const fs::path& path, const std::string& text) {
  std::ofstream out{path, std::ios::trunc};
  out << text;
  out.close();
  return !out.fail();
}

} // namespace

int machine_mtu() {
  int mtu = 0;
  if (const auto interface = default_interface(); !interface.empty())
    std::ifstream{"/sys/class/net/" + interface + "/mtu"} >> mtu;
  return mtu > 0 ? mtu : ethernet_mtu;
}

std::string make_cni_config(const node_layout& layout, const pod_network_options& options) {
  const int mtu = options.mtu > 0 ? options.mtu : machine_mtu();
  std::string text;
  text += R"({"cniVersion":"0.4.0","name":)" + api::json::quote(layout.network_name());
  text += R"(,"plugins":[{"type":"ptp","ipMasq":false,"mtu":)" + std::to_string(mtu);
  text +=
      R"(,"ipam":{"type":"host-local","dataDir":)" + api::json::quote(layout.cni_ipam().string());
  text += R"(,"ranges":[[{"subnet":)" + api::json::quote(options.pod_cidr);
  text += R"(}]],"routes":[{"dst":"0.0.0.0/0"}]}})";
  text += R"(,{"type":"portmap","snat":true,"capabilities":{"portMappings":true}}]})";
  return text;
}

api::result<void> set_up_pod_network(const node_layout& layout,
                                     const pod_network_options& options) {
  std::error_code ec;
  fs::create_directories(layout.cni_config(), ec);
  fs::create_directories(layout.cni_ipam(), ec);
  if (!write_file(layout.cni_config() / "10-thespis.conflist", make_cni_config(layout, options)))
    return api::fail(api::internal_error("cannot write below " + layout.cni_config().string()));
  if (!write_file("/proc/sys/net/ipv4/ip_forward", "1\n"))
    return api::fail(api::internal_error("cannot turn on IPv4 forwarding (net.ipv4.ip_forward)"));
  const auto loaded =
      check_command({"nft", "-f", "-"}, helper_timeout, masquerade_table(layout, options));
  if (!loaded)
    return api::fail(loaded.error());
  admit_forwarding(layout, options);
  return {};
}

void tear_down_pod_network(const node_layout& layout) {
  (void)run_command({"nft", "delete", "table", "ip", layout.nft_table()}, helper_timeout);
  delete_named_rules("filter", "FORWARD", layout.network_name());
  delete_named_rules("nat", "CNI-HOSTPORT-DNAT", layout.network_name());
  delete_empty_hostport_chains();
  std::error_code ec;
  fs::remove_all(layout.cni_ipam(), ec);
  fs::remove_all(layout.cni_config(), ec);
  for (const auto& entry : fs::directory_iterator{cni_results, ec}) {
    if (entry.path().filename().string().starts_with(layout.network_name() + "-"))
      fs::remove(entry.path(), ec);
  }
}

} // namespace thespis::runtime
