#include "proxy/data/nft_text.hpp"

#include <array>
#include <charconv>

namespace thespis::proxy {

namespace {

void number(std::string& out, uint32_t n) {
  std::array<char, 12> digits;
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr;
  out.append(digits.data(), end);
}

void address(std::string& out, const api::ip_address& a) {
  if (!a.is_v4()) {
    out += a.to_string();
    return;
  }
  for (size_t i = 12; i < 16; ++i) {
    number(out, a.bytes()[i]);
    if (i != 15)
      out += '.';
  }
}

// As nft reads a class: two halves in hexadecimal.
void class_id(std::string& out, uint32_t id) {
  auto half = [&](uint32_t n) {
    std::array<char, 8> digits;
    auto end = std::to_chars(digits.data(), digits.data() + digits.size(), n, 16).ptr;
    out.append(digits.data(), end);
  };
  half(id >> 16);
  out += ':';
  half(id & 0xffff);
}

std::string_view name_of(protocol p) {
  switch (p) {
  case protocol::tcp:
    return "tcp";
  case protocol::udp:
    return "udp";
  case protocol::sctp:
    return "sctp";
  }
  return "";
}

std::string_view name_of(part p) {
  switch (p) {
  case part::hairpin:
    return "hairpin";
  case part::choice:
    return "choice";
  case part::sticky_choice:
    return "sticky_choice";
  case part::endpoint:
    return "endpoint";
  case part::asked:
    return "asked";
  case part::frontend:
    return "frontend";
  case part::inside:
    return "inside";
  }
  return "";
}

void map_name(std::string& out, part p, bool node) {
  if (node)
    out += "node_";
  out += name_of(p);
}

// The name says all that the chain does, so equal names are equal chains.
void chain_name(std::string& out, const pick_chain& c) {
  out += c.node ? "node_pick_" : "pick_";
  number(out, c.count);
  if (c.inside)
    out += "_inside";
  if (c.masquerade)
    out += "_masquerade";
  if (c.by_client)
    out += "_by_client";
  if (c.affinity_seconds != 0) {
    out += "_sticky_";
    number(out, c.affinity_seconds);
  }
}

void key(std::string& out, const element_key& k) {
  if (k.in == part::hairpin) {
    address(out, k.address);
    out += " . ";
    address(out, k.address);
    return;
  }
  if (!k.node) {
    address(out, k.address);
    out += " . ";
  }
  out += name_of(k.proto);
  out += " . ";
  number(out, k.port);
  if (k.in != part::asked && k.in != part::frontend && k.in != part::inside) {
    out += " . ";
    class_id(out, k.extra);
  }
}

void value(std::string& out, const element& e) {
  switch (e.first.in) {
  case part::hairpin:
    return;
  case part::choice:
  case part::endpoint:
    out += " : ";
    address(out, e.second.address);
    out += " . ";
    number(out, e.second.port);
    return;
  case part::sticky_choice:
    out += " : ";
    class_id(out, e.second.id);
    return;
  case part::asked:
  case part::frontend:
  case part::inside:
    break;
  }
  switch (e.second.what) {
  case verdict::ask:
    out += " : goto ask";
    return;
  case verdict::ask_new:
    out += e.first.node ? " : goto node_ask_new" : " : goto ask_new";
    return;
  case verdict::pick:
    out += " : goto ";
    chain_name(out, e.second.chain);
    return;
  case verdict::refuse:
    out += " : goto refuse";
    return;
  case verdict::drop:
  case verdict::none:
    out += " : drop";
    return;
  }
}

class script {
public:
  script(const data_path_options& o, const std::string& table)
      : options_{o}, table_{table}, words_{words_of(o.family)} {}

  // "add chain ip <table> "
  script& command(std::string_view verb, std::string_view what) {
    out += verb;
    out += ' ';
    out += what;
    out += ' ';
    out += words_.family;
    out += ' ';
    out += table_;
    out += ' ';
    return *this;
  }

  void line(std::string_view verb, std::string_view what, std::string_view rest) {
    command(verb, what).out.append(rest) += '\n';
  }

  void rule(std::string_view chain, std::string_view text) {
    command("add", "rule").out.append(chain).append(" ").append(text) += '\n';
  }

  // One command for each run of elements of one map: nft parses long lists fastest.
  template <class Elements>
  void elements(std::string_view verb, const Elements& all, bool with_values) {
    const element_key* last = nullptr;
    for (const auto& e : all) {
      if (e.first.in == part::asked && !options_.queue)
        continue;
      if (!last || last->in != e.first.in || last->node != e.first.node) {
        if (last)
          out += "}\n";
        command(verb, "element");
        map_name(out, e.first.in, e.first.node);
        out += " { ";
      } else {
        out += ", ";
      }
      key(out, e.first);
      if (with_values)
        value(out, {e.first, e.second});
      last = &e.first;
    }
    if (last)
      out += "}\n";
  }

  void maps();
  void pick(const pick_chain& c);
  void fixed_chains();
  void ways_in();
  void queue();

  std::string out;

private:
  // Matches a packet whose endpoint user space chose, and takes the mark of that away.
  std::string chosen() const {
    auto bit = std::to_string(options_.choice_mark);
    return "meta mark and " + bit + " == " + bit + " meta mark set meta mark xor " + bit + " ";
  }

  std::string mark_for_masquerade() const {
    auto bit = std::to_string(options_.masquerade_mark);
    return "meta mark set meta mark or " + bit;
  }

  // "ip daddr"
  std::string daddr() const { return std::string{words_.family} + " daddr"; }
  std::string saddr() const { return std::string{words_.family} + " saddr"; }
  std::string of_address() const { return daddr() + " . meta l4proto . th dport"; }

  const data_path_options& options_;
  const std::string& table_;
  const family_words& words_;
};

std::string any_of(const std::vector<std::string>& ranges) {
  std::string out = "{ ";
  for (const auto& r : ranges)
    out += r + ", ";
  out.resize(out.size() - 2);
  return out + " }";
}

constexpr std::string_view of_node = "meta l4proto . th dport";

void script::maps() {
  const std::string type{words_.type};
  for (bool node : {false, true}) {
    std::string prefix = node ? "node_" : "";
    std::string base = (node ? "" : type + " . ") + "inet_proto . inet_service";
    auto map = [&](std::string_view name, const std::string& types) {
      line("add", "map", prefix + std::string{name} + " { type " + types + "; }");
    };
    map("frontend", base + " : verdict");
    map("inside", base + " : verdict");
    if (options_.queue)
      map("asked", base + " : verdict");
    map("choice", base + " . classid : " + type + " . inet_service");
    map("sticky_choice", base + " . classid : classid");
    map("endpoint", base + " . classid : " + type + " . inet_service");
    if (options_.family == ip_family::v4)
      map("affinity", type + " . " + base + " : classid; size 131072; flags dynamic,timeout");
  }
  line("add", "set", "hairpin { type " + type + " . " + type + "; }");
}

// Draws an endpoint. The number drawn, or the id, waits in the packet's priority for the look-up
// that needs it: unlike a mark nothing routes by it, forwarding sets it anew, and only the first
// packet of a connection comes here. (nft takes a number drawn within a map's key only if the map
// was made by `typeof`, and 1.0.6 then restricts the rule to one protocol.)
//
// A packet may see the maps change between two look-ups; then the first number, which is there
// while there are endpoints at all, serves it, and else it is dropped: it must not go on without
// translation, for conntrack would remember that.
void script::pick(const pick_chain& c) {
  std::string name;
  chain_name(name, c);
  line("add", "chain", name);
  if (c.inside)
    rule(name, "fib saddr type local " + mark_for_masquerade());
  if (c.masquerade)
    rule(name, mark_for_masquerade());
  std::string prefix = c.node ? "node_" : "";
  const auto base = c.node ? std::string{of_node} : of_address();
  const auto dnat = "dnat " + std::string{words_.family} + " to ";
  auto first = c.inside ? inside_offset : 0;
  std::string first_number;
  class_id(first_number, first);
  auto random = (c.by_client ? "jhash " + saddr() + " mod " : std::string{"numgen random mod "}) +
                std::to_string(c.count) + " offset " + std::to_string(first);
  auto go = [&](const std::string& map) {
    rule(name, dnat + base + " . meta priority map @" + prefix + map);
  };
  if (c.affinity_seconds == 0) {
    if (options_.queue)
      rule(name, chosen() + dnat + base + " . meta priority map @" + prefix + "choice");
    for (const auto& number : {random, first_number}) {
      rule(name, "meta priority set " + number);
      go("choice");
    }
    rule(name, "drop");
    return;
  }
  // A client whose endpoint is gone finds no address for the id it is remembered by, and is given
  // another. An element's value cannot be replaced from here, only deleted.
  auto client = " @" + prefix + "affinity { " + saddr() + " . " + base;
  auto lasting = client + " timeout " + std::to_string(c.affinity_seconds) + "s : meta priority }";
  if (options_.queue)
    rule(name, chosen() + "meta priority set " + base + " . meta priority map @" + prefix +
                   "sticky_choice add" + lasting + " " + dnat + base + " . meta priority map @" +
                   prefix + "endpoint");
  rule(name, "meta priority set none");
  rule(name, "meta priority set " + saddr() + " . " + base + " map @" + prefix + "affinity");
  rule(name, "meta priority != none update" + lasting);
  go("endpoint");
  for (const auto& number : {random, first_number}) {
    rule(name, "delete" + client + " : meta priority }");
    rule(name, "meta priority set " + number);
    rule(name, "meta priority set " + base + " . meta priority map @" + prefix + "sticky_choice");
    rule(name, "add" + lasting);
    go("endpoint");
  }
  rule(name, "drop");
}

// The first packet of a flow that has a choice goes through a queue ahead of the look-up. The
// verdict sets choice_mark and the packet's priority to a number of `choice` or `sticky_choice`;
// without a mark, or with a number that is gone, the choice is made in the kernel. So a verdict
// that comes late leads at worst to another endpoint of the same service, and numbers need no
// quarantine. The queue is the chain `ask`: nft cannot write its rule, queue_rule.hpp adds it. A
// client that has an endpoint to stick to needs no choice.
void script::queue() {
  line("add", "chain", "ask");
  if (options_.family == ip_family::v6)
    return; // nobody is remembered
  for (bool node : {false, true}) {
    std::string prefix = node ? "node_" : "";
    line("add", "chain", prefix + "ask_new");
    rule(prefix + "ask_new", "meta priority set " + saddr() + " . " +
                                 (node ? std::string{of_node} : of_address()) + " map @" + prefix +
                                 "affinity return");
    rule(prefix + "ask_new", "goto ask");
  }
}

// Where services are looked up.
void script::fixed_chains() {
  if (options_.queue)
    queue();
  line("add", "chain", "refuse");
  rule("refuse", "meta l4proto tcp reject with tcp reset");
  rule("refuse", "reject with " + std::string{words_.unreachable});
  line("add", "chain", "inside_services");
  rule("inside_services", of_address() + " vmap @inside");
  rule("inside_services", "fib daddr type local " + std::string{of_node} + " vmap @node_inside");
  line("add", "chain", "services");
  auto services = options_.service_cidrs.empty() ? "" : any_of(options_.service_cidrs);
  auto pods = options_.pod_cidrs.empty() ? "" : any_of(options_.pod_cidrs);
  if (!services.empty() && !pods.empty())
    rule("services",
         daddr() + " " + services + " " + saddr() + " != " + pods + " " + mark_for_masquerade());
  if (!pods.empty())
    rule("services", saddr() + " " + pods + " jump inside_services");
  rule("services", "fib saddr type local jump inside_services");
  rule("services", of_address() + " vmap @frontend");
  if (!services.empty())
    rule("services", daddr() + " " + services + " goto refuse");
  std::string localhost =
      options_.localhost_node_ports ? "" : daddr() + " != " + std::string{words_.loopback} + " ";
  rule("services",
       localhost + "fib daddr type local " + std::string{of_node} + " vmap @node_frontend");
}

// The base chains.
void script::ways_in() {
  // Only packets that conntrack does not know at all: those of an unanswered flow stay `new`.
  for (const std::string hook : {"prerouting", "output"}) {
    if (!options_.queue)
      break;
    const auto chain = "ask_" + hook;
    line("add", "chain", chain + " { type filter hook " + hook + " priority mangle; }");
    rule(chain, "ct state != new return"); // all that packets of open flows meet
    rule(chain, "ct status and confirmed != 0 return");
    rule(chain, of_address() + " vmap @asked");
    rule(chain, "fib daddr type local " + std::string{of_node} + " vmap @node_asked");
  }
  line("add", "chain", "prerouting { type nat hook prerouting priority dstnat; }");
  rule("prerouting", "jump services");
  line("add", "chain", "output { type nat hook output priority -100; }");
  rule("output", "jump services");
  line("add", "chain", "postrouting { type nat hook postrouting priority srcnat; }");
  rule("postrouting", "oifname lo return");
  auto bit = std::to_string(options_.masquerade_mark);
  rule("postrouting", "meta mark and " + bit + " == " + bit + " meta mark set meta mark xor " +
                          bit + " masquerade fully-random");
  rule("postrouting",
       "ct status dnat " + saddr() + " . " + daddr() + " @hairpin masquerade fully-random");
  if (!options_.localhost_node_ports)
    return;
  // route_localnet lets loopback addresses in from the wire; nothing but our replies, which do not
  // carry them on the wire, should gain from it.
  line("add", "chain", "guard { type filter hook prerouting priority raw; }");
  rule("guard", "iifname != lo ip daddr 127.0.0.0/8 drop");
  rule("guard", "iifname != lo ip saddr 127.0.0.0/8 drop");
}

bool is_range(const std::string& text, ip_family f) {
  const auto range = api::parse_cidr(text);
  return range && range->prefix() >= 1 && parse_address(text.substr(0, text.find('/')), f);
}

} // namespace

api::result<void> check(const data_path_options& o) {
  auto refuse = [](std::string message) {
    return api::fail(api::reason::invalid, std::move(message));
  };
  auto letters = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  auto plain = [&](char c) { return letters(c) || (c >= '0' && c <= '9'); };
  if (o.table.empty() || o.table.size() > 64 || !letters(o.table.front()) ||
      !std::all_of(o.table.begin(), o.table.end(), plain))
    return refuse("nftables table name \"" + o.table +
                  "\": expected at most 64 letters, digits and underscores");
  for (const auto* ranges : {&o.pod_cidrs, &o.service_cidrs})
    for (const auto& r : *ranges)
      if (!is_range(r, o.family))
        return refuse("\"" + r + "\": expected an " +
                      (o.family == ip_family::v4 ? "IPv4 range such as 10.96.0.0/12"
                                                 : "IPv6 range such as fd00:10:96::/112"));
  if (o.masquerade_mark == 0 || (o.masquerade_mark & (o.masquerade_mark - 1)) != 0)
    return refuse("masquerade mark " + std::to_string(o.masquerade_mark) +
                  ": expected a single bit");
  if (o.choice_mark == 0 || (o.choice_mark & (o.choice_mark - 1)) != 0 ||
      o.choice_mark == o.masquerade_mark)
    return refuse("choice mark " + std::to_string(o.choice_mark) +
                  ": expected a single bit, another than the masquerade mark");
  return {};
}

std::string retirement_text(ip_family f, const std::string& table) {
  const auto flush = "flush chain " + std::string{words_of(f).family} + " " + table;
  return flush + " prerouting\n" + flush + " output\n";
}

std::string removal_text(ip_family f, const std::string& table) {
  const auto name = "table " + std::string{words_of(f).family} + " " + table + "\n";
  // Adding first makes the deletion succeed in any case.
  return "add " + name + "delete " + name;
}

std::string replacement_text(const data_path_options& o, const std::string& table,
                             const ruleset& rules, bool with_marker) {
  script s{o, table};
  s.out = removal_text(o.family, table);
  s.out += "add table " + std::string{words_of(o.family).family} + " " + table + "\n";
  s.out.reserve(4096 + rules.elements.size() * 56);
  s.maps();
  for (const auto& [chain, uses] : rules.chains)
    s.pick(chain);
  s.fixed_chains();
  s.elements("add", rules.elements, true);
  if (with_marker)
    s.line("add", "chain", localnet_marker);
  s.ways_in();
  return std::move(s.out);
}

std::string chains_text(const data_path_options& o, const std::string& table,
                        const batch& changes) {
  script s{o, table};
  for (const auto& chain : changes.add_chains)
    s.pick(chain);
  return std::move(s.out);
}

std::string change_text(const data_path_options& o, const std::string& table,
                        const batch& changes) {
  script s{o, table};
  s.elements("delete", changes.remove, false);
  s.elements("add", changes.add, true);
  for (const auto& chain : changes.remove_chains) {
    s.command("delete", "chain");
    chain_name(s.out, chain);
    s.out += '\n';
  }
  return std::move(s.out);
}

} // namespace thespis::proxy
