#include "runtime/cri/peer_network.hpp"

#include "api/json.hpp"
#include "runtime/cri/command.hpp"
#include "runtime/cri/pod_network.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdio>
#include <memory>
#include <set>

namespace thespis::runtime {

namespace {

namespace json = api::json;

constexpr std::chrono::milliseconds helper_timeout{10'000};
/// What VXLAN puts before a packet: outer IPv4, UDP, VXLAN and inner Ethernet headers.
constexpr int vxlan_overhead = 50;

uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325U; // FNV-1a
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

uint32_t instance_number(const node_layout& layout) {
  const auto& hex = layout.instance();
  uint32_t res = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), res, 16);
  return res;
}

std::string device_of(const node_layout& layout) {
  return "thvx" + layout.instance();
}

/// The routing protocol number that tells our routes from others': outside the numbers that the
/// kernel and routing daemons use.
int protocol_of(const node_layout& layout) {
  return 100 + static_cast<int>(instance_number(layout) % 80);
}

/// The address of a machine's end of the tunnel: the first of its pods' range, which no pod has.
std::string tunnel_address(const std::string& pod_cidr) {
  const auto range = api::parse_cidr(pod_cidr);
  return range ? range->base().to_string() : std::string{};
}

/// Nothing for what is neither IPv4 nor IPv6.
std::optional<api::ip_address> address_in(const sockaddr& a) {
  if (a.sa_family == AF_INET)
    return api::ip_address::v4(ntohl(reinterpret_cast<const sockaddr_in&>(a).sin_addr.s_addr));
  if (a.sa_family != AF_INET6)
    return std::nullopt;
  std::array<uint8_t, 16> bytes;
  std::copy_n(reinterpret_cast<const sockaddr_in6&>(a).sin6_addr.s6_addr, bytes.size(),
              bytes.begin());
  return api::ip_address::v6(bytes);
}

unsigned ones_in(const api::ip_address& mask) {
  unsigned res = 0;
  for (const auto byte : mask.bytes())
    res += static_cast<unsigned>(std::popcount(byte));
  return res;
}

api::result<machine_link> link_with(const std::string& address) {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0)
    return api::fail(api::internal_error("cannot list the machine's addresses"));
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner{all, ::freeifaddrs};
  for (const auto* i = all; i; i = i->ifa_next) {
    if (!i->ifa_addr || !i->ifa_netmask)
      continue;
    const auto own = address_in(*i->ifa_addr);
    const auto mask = address_in(*i->ifa_netmask);
    if (own && mask && own->to_string() == address)
      return machine_link{i->ifa_name, api::cidr{*own, ones_in(*mask)}};
  }
  return api::fail(api::bad_request("no interface of this machine has the address " + address));
}

api::result<json::document> ask(std::vector<std::string> argv) {
  auto text = check_command(argv, helper_timeout);
  if (!text)
    return api::fail(std::move(text.error()));
  return json::parse(text->empty() ? std::string_view{"[]"} : std::string_view{*text});
}

template <class F>
api::result<void> each(std::vector<std::string> argv, F f) {
  auto doc = ask(std::move(argv));
  if (!doc)
    return api::fail(std::move(doc.error()));
  if (doc->IsArray())
    for (const auto& x : doc->GetArray())
      if (x.IsObject())
        f(x);
  return {};
}

api::result<void> read_family(peer_table& res, const char* family, const std::string& device,
                              int protocol) {
  auto done = each({"ip", "-j", family, "route", "show", "proto", std::to_string(protocol)},
                   [&](const json::value& x) {
                     res.routes[std::string{json::get_string(x, "dst")}] = {
                         std::string{json::get_string(x, "gateway")},
                         std::string{json::get_string(x, "dev")}};
                   });
  if (!done || ::if_nametoindex(device.c_str()) == 0)
    return done;
  return each({"ip", "-j", family, "neigh", "show", "dev", device, "nud", "permanent"},
              [&](const json::value& x) {
                res.neighbours[std::string{json::get_string(x, "dst")}] =
                    json::get_string(x, "lladdr");
              });
}

api::result<peer_table> read_table(const std::string& device, int protocol, bool with_v6) {
  peer_table res;
  for (const char* family : {"-4", "-6"}) {
    if (family[1] == '6' && !with_v6)
      continue;
    if (auto done = read_family(res, family, device, protocol); !done)
      return api::fail(std::move(done.error()));
  }
  if (::if_nametoindex(device.c_str()) == 0)
    return res;
  auto done = each({"bridge", "-j", "fdb", "show", "dev", device}, [&](const json::value& x) {
    if (!json::find(x, "dst"))
      return;
    res.forwards[std::string{json::get_string(x, "mac")}] = {
        std::string{json::get_string(x, "dst")}, static_cast<uint32_t>(json::get_int(x, "vni")),
        static_cast<uint16_t>(json::get_int(x, "port"))};
  });
  if (!done)
    return api::fail(std::move(done.error()));
  return res;
}

int mtu_of(const std::string& device) {
  int res = 0;
  (void)each({"ip", "-j", "link", "show", "dev", device},
             [&](const json::value& x) { res = static_cast<int>(json::get_int(x, "mtu")); });
  return res;
}

bool has_default_v6() {
  bool res = false;
  (void)each({"ip", "-j", "-6", "route", "show", "default"},
             [&](const json::value&) { res = true; });
  return res;
}

/// Of this machine's end, one for each family its pods have.
std::set<std::string> tunnel_addresses(const peer_network_options& options) {
  std::set<std::string> res;
  for (const auto& range : {options.pod_cidr, options.pod_cidr6})
    if (auto address = tunnel_address(range); !address.empty())
      res.insert(std::move(address));
  return res;
}

/// A device's, but for those that it gave itself.
std::set<std::string> addresses_in(const json::value& device) {
  std::set<std::string> res;
  if (const auto* all = json::find(device, "addr_info"); all && all->IsArray())
    for (const auto& a : all->GetArray())
      if (json::get_string(a, "scope") != "link")
        res.insert(std::string{json::get_string(a, "local")});
  return res;
}

/// Whether the device is there as it should be; one that is not is removed.
bool device_fits(const std::string& device, const peer_network_options& options,
                 const vxlan_end& own, int mtu) {
  if (::if_nametoindex(device.c_str()) == 0)
    return false;
  bool fits = false;
  (void)each({"ip", "-j", "-d", "addr", "show", "dev", device}, [&](const json::value& x) {
    const auto* data = json::at(x, {"linkinfo", "info_data"});
    fits = data && addresses_in(x) == tunnel_addresses(options) &&
           json::get_int(*data, "id") == own.vni && json::get_int(*data, "port") == own.port &&
           json::get_string(*data, "local") == options.address &&
           json::get_string(x, "address") == own.mac && json::get_int(x, "mtu") == mtu;
  });
  if (!fits)
    (void)run_command({"ip", "link", "delete", "dev", device}, helper_timeout);
  return fits;
}

api::result<void> make_device(const std::string& device, const peer_network_options& options,
                              const vxlan_end& own, const std::string& over) {
  const int mtu = mtu_of(over) - vxlan_overhead;
  if (device_fits(device, options, own, mtu))
    return {};
  auto script = "link add " + device + " address " + own.mac + " mtu " + std::to_string(mtu) +
                " type vxlan id " + std::to_string(own.vni) + " local " + options.address +
                " dev " + over + " dstport " + std::to_string(own.port) + " nolearning\n";
  for (const auto& address : tunnel_addresses(options))
    script += "addr add " + address +
              (address.find(':') == std::string::npos ? "/32 dev " : "/128 nodad dev ") + device +
              "\n";
  script += "link set " + device + " up\n";
  auto made = check_command({"ip", "-batch", "-"}, helper_timeout, script);
  if (!made)
    return api::fail(std::move(made.error()));
  return {};
}

} // namespace

network_backend parse_network_backend(std::string_view text) {
  return text == "routes"  ? network_backend::routes
         : text == "vxlan" ? network_backend::vxlan
         : text == "none"  ? network_backend::none
                           : network_backend::automatic;
}

vxlan_end own_vxlan_end(const node_layout& layout, const peer_network_options& options) {
  if (options.backend != network_backend::vxlan && options.backend != network_backend::automatic)
    return {};
  vxlan_end res;
  res.vni = std::max(1U, instance_number(layout) & 0xffffffU);
  res.port = options.vxlan_port;
  const auto bits = hash_of(layout.instance() + "/" + options.node);
  char mac[18];
  std::snprintf(mac, sizeof mac, "02:%02x:%02x:%02x:%02x:%02x", static_cast<unsigned>(bits & 0xff),
                static_cast<unsigned>(bits >> 8 & 0xff), static_cast<unsigned>(bits >> 16 & 0xff),
                static_cast<unsigned>(bits >> 24 & 0xff), static_cast<unsigned>(bits >> 32 & 0xff));
  res.mac = mac;
  return res;
}

int pod_link_mtu(network_backend backend, int configured) {
  if (configured > 0)
    return configured;
  const bool tunnel = backend == network_backend::vxlan || backend == network_backend::automatic;
  return machine_mtu() - (tunnel ? vxlan_overhead : 0);
}

namespace {

/// One family's way to a peer's pods.
void plan_range(peer_table& res, const peer_network_options& options,
                const std::string& vxlan_device, const machine_link* link, const network_peer& p,
                bool v6, std::vector<std::string>& unreachable) {
  const auto& pods = v6 ? p.pod_cidr6 : p.pod_cidr;
  const auto& via = v6 ? p.address6 : p.address;
  const auto range = api::parse_cidr(pods);
  const auto address = api::parse_ip(via);
  if (!range)
    return;
  const bool neighbour = link && address && link->subnet.contains(*address);
  if (neighbour && options.backend != network_backend::vxlan) {
    res.routes[range->to_string()] = {via, link->device};
  } else if (options.backend == network_backend::routes) {
    const auto subnet = link ? " " + link->subnet.to_string() : std::string{" of IPv6"};
    unreachable.push_back("node " + p.node + " (" + (via.empty() ? p.address : via) +
                          ") is not on this machine's subnet" + subnet +
                          "; the network backend vxlan reaches it");
  } else if (p.vxlan.vni == 0 || p.vxlan.mac.empty()) {
    const auto sentence = "node " + p.node + " has not said how VXLAN reaches it";
    if (std::find(unreachable.begin(), unreachable.end(), sentence) == unreachable.end())
      unreachable.push_back(sentence);
  } else {
    const auto tunnel = tunnel_address(pods);
    res.routes[range->to_string()] = {tunnel, vxlan_device};
    res.neighbours[tunnel] = p.vxlan.mac;
    res.forwards[p.vxlan.mac] = {p.address, p.vxlan.vni, p.vxlan.port};
  }
}

} // namespace

peer_table plan_peers(const peer_network_options& options, const std::string& vxlan_device,
                      const machine_links& links, const std::vector<network_peer>& peers,
                      std::vector<std::string>& unreachable) {
  peer_table res;
  for (const auto& p : peers) {
    // Two nodes of one machine reach each other without us.
    if (!api::parse_ip(p.address) || p.address == options.address)
      continue;
    plan_range(res, options, vxlan_device, &links.v4, p, false, unreachable);
    // Without such addresses of its own pods nothing could come back.
    if (!options.pod_cidr6.empty())
      plan_range(res, options, vxlan_device, links.v6 ? &*links.v6 : nullptr, p, true, unreachable);
  }
  return res;
}

peer_commands change_peers(const peer_table& from, const peer_table& to,
                           const std::string& vxlan_device, int protocol) {
  peer_commands res;
  const auto missing = [](const auto& key, const auto& in) { return !in.contains(key); };
  const auto differs = [](const auto& entry, const auto& in) {
    const auto i = in.find(entry.first);
    return i == in.end() || i->second != entry.second;
  };
  const auto proto = " proto " + std::to_string(protocol);
  for (const auto& [range, route] : from.routes)
    if (missing(range, to.routes))
      res.ip += "route del " + range + proto + "\n";
  for (const auto& [address, mac] : from.neighbours)
    if (missing(address, to.neighbours))
      res.ip += "neigh del " + address + " dev " + vxlan_device + "\n";
  for (const auto& [mac, forward] : from.forwards)
    if (missing(mac, to.forwards) || differs(std::pair{mac, to.forwards.at(mac)}, from.forwards))
      res.bridge += "fdb del " + mac + " dev " + vxlan_device + " dst " + forward.to + " vni " +
                    std::to_string(forward.vni) + " port " + std::to_string(forward.port) +
                    " self\n";
  for (const auto& entry : to.forwards)
    if (differs(entry, from.forwards))
      res.bridge += "fdb append " + entry.first + " dev " + vxlan_device + " dst " +
                    entry.second.to + " vni " + std::to_string(entry.second.vni) + " port " +
                    std::to_string(entry.second.port) + " self permanent\n";
  for (const auto& entry : to.neighbours)
    if (differs(entry, from.neighbours))
      res.ip += "neigh replace " + entry.first + " lladdr " + entry.second + " dev " +
                vxlan_device + " nud permanent\n";
  for (const auto& entry : to.routes)
    if (differs(entry, from.routes))
      res.ip += "route replace " + entry.first +
                (entry.second.via.empty() ? "" : " via " + entry.second.via) + " dev " +
                entry.second.device + (entry.second.via.empty() ? "" : " onlink") + proto + "\n";
  return res;
}

api::result<std::vector<std::string>> program_peers(const node_layout& layout,
                                                    const peer_network_options& options,
                                                    const std::vector<network_peer>& peers) {
  const auto link = link_with(options.address);
  if (!link)
    return api::fail(link.error());
  machine_links links{*link};
  if (!options.address6.empty())
    if (auto six = link_with(options.address6))
      links.v6 = std::move(*six);
  const auto device = device_of(layout);
  const auto protocol = protocol_of(layout);
  const auto own = own_vxlan_end(layout, options);
  std::vector<std::string> unreachable;
  auto wanted = plan_peers(options, device, links, peers, unreachable);
  if (!options.pod_cidr6.empty() && !options.service_cidr6.empty() && !has_default_v6())
    wanted.routes[options.service_cidr6] = {"", "lo"};
  // Where all are neighbours no device is needed, and a kernel without VXLAN will do.
  if (!wanted.forwards.empty() || options.backend == network_backend::vxlan) {
    if (auto made = make_device(device, options, own, link->device); !made)
      return api::fail(std::move(made.error()));
  } else if (::if_nametoindex(device.c_str()) != 0) {
    (void)run_command({"ip", "link", "delete", "dev", device}, helper_timeout);
  }
  auto present = read_table(device, protocol, !options.pod_cidr6.empty());
  if (!present)
    return api::fail(std::move(present.error()));
  // An entry without a number of its own has the device's.
  for (auto& [mac, forward] : present->forwards) {
    forward.vni = forward.vni == 0 ? own.vni : forward.vni;
    forward.port = forward.port == 0 ? own.port : forward.port;
  }
  const auto commands = change_peers(*present, wanted, device, protocol);
  for (const auto& [program, script] :
       {std::pair{"bridge", commands.bridge}, std::pair{"ip", commands.ip}}) {
    if (script.empty())
      continue;
    auto done = check_command({program, "-force", "-batch", "-"}, helper_timeout, script);
    if (!done)
      return api::fail(std::move(done.error()));
  }
  return unreachable;
}

void tear_down_peers(const node_layout& layout) {
  const auto device = device_of(layout);
  for (const char* family : {"-4", "-6"})
    (void)run_command(
        {"ip", family, "route", "flush", "proto", std::to_string(protocol_of(layout))},
        helper_timeout);
  if (::if_nametoindex(device.c_str()) != 0)
    (void)run_command({"ip", "link", "delete", "dev", device}, helper_timeout);
}

} // namespace thespis::runtime
