#include "runtime/cri/pod_network.hpp"

#include "api/json.hpp"
#include "api/text/cidr.hpp"
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
// Per network namespace: procfs shows that of the thread that opens it.
const std::string conf6 = "/proc/sys/net/ipv6/conf/";
const std::string host_accept_dad = conf6 + "default/accept_dad";

char first_character(const fs::path& file) {
  std::ifstream in{file};
  return static_cast<char>(in.get());
}

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

/// What differs between the address families. A table of one sees no packet of the other.
struct family {
  bool v4;
  const char* nft;
  const char* type;
  const char* multicast;
  const char* iptables;
  const char* restore;
};
constexpr family families[] = {
    {true, "ip", "ipv4_addr", "224.0.0.0/4", "iptables", "iptables-restore"},
    {false, "ip6", "ipv6_addr", "ff00::/8", "ip6tables", "ip6tables-restore"}};

/// Without IPv6 in the kernel nothing of it may be tried.
bool there_is(const family& f) {
  return f.v4 || fs::exists("/proc/net/if_inet6");
}

std::vector<std::string> of_family(const std::vector<std::string>& ranges, const family& f) {
  std::vector<std::string> res;
  for (const auto& text : ranges)
    if (const auto range = api::parse_cidr(text); range && range->base().is_v4() == f.v4)
      res.push_back(text);
  return res;
}

/// The node's own range; empty when it has none of the family.
std::string own_range(const pod_network_options& options, const family& f) {
  const auto all = of_family(options.pod_cidrs, f);
  return all.empty() ? std::string{} : all.front();
}

/// Without a range of the family, what an earlier run left of it goes.
std::string masquerade_table(const node_layout& layout, const pod_network_options& options,
                             const family& f) {
  const auto range = own_range(options, f);
  std::string native = range + ", " + f.multicast;
  for (const auto& cidr : of_family(options.native_cidrs, f))
    native += ", " + cidr;
  const std::string ip = f.nft;
  const auto name = ip + " " + layout.nft_table();
  const auto fresh = "table " + name + "\ndelete table " + name + "\n";
  if (range.empty())
    return fresh;
  // Services need no exception: their addresses have become a pod's by now.
  return fresh + "table " + name +
         " {\n"
         "  set native { type " +
         f.type + "; flags interval; auto-merge; elements = { " + native +
         " } }\n"
         "  chain postrouting {\n"
         "    type nat hook postrouting priority srcnat; policy accept;\n"
         "    " +
         ip + " saddr " + range + " " + ip +
         " daddr != @native masquerade\n"
         "  }\n"
         "}\n";
}

std::vector<std::string> forward_rule(const node_layout& layout, const family& f,
                                      std::string_view action, const char* direction,
                                      const std::string& cidr) {
  return {f.iptables, "-w", "5",  "-t",      "filter",    std::string{action},   "FORWARD",
          direction,  cidr, "-m", "comment", "--comment", layout.network_name(), "-j",
          "ACCEPT"};
}

/// Machines with Docker drop forwarded packets by default.
void admit_forwarding(const node_layout& layout, const std::string& range, const family& f) {
  const auto rules = run_command({f.iptables, "-w", "5", "-S", "FORWARD"}, helper_timeout);
  if (!rules || rules->text.find("-P FORWARD DROP") == std::string::npos)
    return;
  for (const char* direction : {"-s", "-d"}) {
    const auto present =
        run_command(forward_rule(layout, f, "-C", direction, range), helper_timeout);
    if (present && present->exit_code == 0)
      continue;
    const auto added =
        check_command(forward_rule(layout, f, "-I", direction, range), helper_timeout);
    if (!added)
      spdlog::warn("pod network: {}", added.error().message);
  }
}

/// Deletes the rules of a chain that carry our network's name, and the chains they jump to.
void delete_named_rules(const family& f, const std::string& table, const std::string& chain,
                        const std::string& network) {
  const auto listed =
      run_command({f.iptables, "-w", "5", "-t", table, "-S", chain}, helper_timeout);
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
  const auto done = check_command({f.restore, "-w", "5", "--noflush"}, helper_timeout,
                                  "*" + table + "\n" + script + "COMMIT\n");
  if (!done)
    spdlog::warn("pod network: {}", done.error().message);
}

/// The portmap plugin never removes its own chains: they go with the last rule in them, whoever's.
void delete_empty_hostport_chains(const family& f) {
  const auto rules = run_command({f.iptables, "-w", "5", "-t", "nat", "-S"}, helper_timeout);
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
  const auto done =
      check_command({f.restore, "-w", "5", "--noflush"}, helper_timeout, script + "COMMIT\n");
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
  std::string ranges;
  std::string routes;
  for (const auto& range : options.pod_cidrs) {
    const std::string separator = ranges.empty() ? "" : ",";
    const bool v4 = range.find(':') == std::string::npos;
    ranges += separator + R"([{"subnet":)" + api::json::quote(range) + "}]";
    routes += separator + R"({"dst":")" + (v4 ? "0.0.0.0/0" : "::/0") + R"("})";
  }
  const bool v6 = !own_range(options, families[1]).empty();
  std::string text;
  text += R"({"cniVersion":"0.4.0","name":)" + api::json::quote(layout.network_name());
  text += R"(,"plugins":[)";
  // The plugin that sets parameters comes after one that has made a link, and loopback's is there
  // already.
  if (v6)
    text += R"({"type":"loopback"},{"type":"tuning","dataDir":)" +
            api::json::quote((layout.cni_ipam() / "tuning").string()) +
            R"(,"sysctl":{"net.ipv6.conf.default.accept_dad":"0"}},)";
  text += R"({"type":"ptp","ipMasq":false,"mtu":)" + std::to_string(mtu);
  text +=
      R"(,"ipam":{"type":"host-local","dataDir":)" + api::json::quote(layout.cni_ipam().string());
  text += R"(,"ranges":[)" + ranges + R"(],"routes":[)" + routes + "]}}";
  text += R"(,{"type":"portmap","snat":true,"capabilities":{"portMappings":true}}]})";
  return text;
}

namespace {

fs::path dad_marker(const node_layout& layout) {
  return layout.cni_config() / "restores_accept_dad";
}

/// What the kernel's IPv6 must do to carry pods.
api::result<void> set_up_v6(const node_layout& layout) {
  // A router does not listen to routers, unless it is told to.
  if (const auto interface = default_interface(); !interface.empty()) {
    const fs::path accept_ra = conf6 + interface + "/accept_ra";
    if (first_character(accept_ra) == '1')
      (void)write_file(accept_ra, "2\n");
  }
  if (first_character(host_accept_dad) != '0' && write_file(host_accept_dad, "0\n"))
    (void)write_file(dad_marker(layout), "");
  if (!write_file(conf6 + "all/forwarding", "1\n"))
    return api::fail(
        api::internal_error("cannot turn on IPv6 forwarding (net.ipv6.conf.all.forwarding)"));
  return {};
}

} // namespace

api::result<void> set_up_pod_network(const node_layout& layout,
                                     const pod_network_options& options) {
  std::error_code ec;
  fs::create_directories(layout.cni_config(), ec);
  fs::create_directories(layout.cni_ipam(), ec);
  if (!write_file(layout.cni_config() / "10-thespis.conflist", make_cni_config(layout, options)))
    return api::fail(api::internal_error("cannot write below " + layout.cni_config().string()));
  if (!write_file("/proc/sys/net/ipv4/ip_forward", "1\n"))
    return api::fail(api::internal_error("cannot turn on IPv4 forwarding (net.ipv4.ip_forward)"));
  for (const auto& f : families) {
    const auto range = own_range(options, f);
    if (!there_is(f)) {
      if (!range.empty())
        return api::fail(api::internal_error("pods cannot have addresses of " + range +
                                             ": this kernel has no IPv6"));
      continue;
    }
    if (!range.empty() && !f.v4)
      if (auto done = set_up_v6(layout); !done)
        return done;
    const auto loaded =
        check_command({"nft", "-f", "-"}, helper_timeout, masquerade_table(layout, options, f));
    if (!loaded)
      return api::fail(loaded.error());
    if (!range.empty())
      admit_forwarding(layout, range, f);
  }
  return {};
}

void tear_down_pod_network(const node_layout& layout) {
  std::error_code ec;
  for (const auto& f : families) {
    if (!there_is(f))
      continue;
    (void)run_command({"nft", "delete", "table", f.nft, layout.nft_table()}, helper_timeout);
    delete_named_rules(f, "filter", "FORWARD", layout.network_name());
    delete_named_rules(f, "nat", "CNI-HOSTPORT-DNAT", layout.network_name());
    delete_empty_hostport_chains(f);
  }
  if (fs::exists(dad_marker(layout), ec))
    (void)write_file(host_accept_dad, "1\n");
  fs::remove_all(layout.cni_ipam(), ec);
  fs::remove_all(layout.cni_config(), ec);
  for (const auto& entry : fs::directory_iterator{cni_results, ec}) {
    if (entry.path().filename().string().starts_with(layout.network_name() + "-"))
      fs::remove(entry.path(), ec);
  }
}

} // namespace thespis::runtime
