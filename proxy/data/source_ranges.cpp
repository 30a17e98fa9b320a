#include "proxy/data/source_ranges.hpp"

#include "api/text/cidr.hpp"

namespace thespis::proxy {

namespace {

const char* name_of(protocol p) {
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

} // namespace

std::set<std::string> widest_ranges(const std::vector<std::string>& texts, ip_family f) {
  std::vector<api::cidr> all;
  for (const auto& text : texts)
    if (const auto c = api::parse_cidr(text); c && family_of(c->base()) == f)
      all.push_back(*c);
  std::set<std::string> res;
  for (const auto& c : all) {
    const bool within = std::any_of(all.begin(), all.end(), [&](const auto& o) {
      return o.prefix() < c.prefix() && o.contains(c.base());
    });
    if (!within)
      res.insert(c.to_string());
  }
  return res;
}

guarded_addresses guards_of(const service_table& services, ip_family f) {
  guarded_addresses res;
  std::set<std::string> claimed;
  for (const auto& [name, p] : services)
    for (const auto& ip : p.balancer_ips) {
      const auto parsed = parse_address(ip, f);
      if (name.family != f || !parsed)
        continue;
      auto key = parsed->to_string() + " . " + name_of(p.proto) + " . " + std::to_string(p.port);
      if (claimed.insert(key).second && !p.source_ranges.empty())
        res[key] = widest_ranges(p.source_ranges, f);
    }
  return res;
}

// Two sets rather than a chain a service. New connections only, before destinations change; the
// raw source is what counts.
std::string guards_text(ip_family f, const std::string& table, const guarded_addresses& guards) {
  const std::string family{words_of(f).family};
  const std::string type{words_of(f).type};
  const auto name = family + " " + table;
  std::string out = "add table " + name + "\ndelete table " + name + "\n";
  if (guards.empty())
    return out;
  out += "add table " + name + "\n";
  const auto what = family + " daddr . meta l4proto . th dport";
  out += "add set " + name + " guarded { type " + type + " . inet_proto . inet_service; }\n";
  out += "add set " + name + " allowed { type " + type + " . inet_proto . inet_service . " + type +
         "; flags interval; }\n";
  for (const char* hook : {"prerouting", "output"}) {
    const auto chain = name + " " + hook;
    // Ahead of the choice of an endpoint, behind connection tracking (-200).
    out += "add chain " + chain + " { type filter hook " + hook + " priority -160; }\n";
    out += "add rule " + chain + " ct state != new return\n";
    out += "add rule " + chain + " " + what + " != @guarded return\n";
    out += "add rule " + chain + " " + what + " . " + family + " saddr @allowed return\n";
    out += "add rule " + chain + " drop\n";
  }
  std::string guarded;
  std::string allowed;
  for (const auto& [key, ranges] : guards) {
    guarded += (guarded.empty() ? "" : ", ") + key;
    for (const auto& r : ranges)
      allowed += (allowed.empty() ? "" : ", ") + key + " . " + r;
  }
  out += "add element " + name + " guarded { " + guarded + " }\n";
  if (!allowed.empty())
    out += "add element " + name + " allowed { " + allowed + " }\n";
  return out;
}

std::string guards_table_name(const std::string& services_table) {
  return services_table + "_guards";
}

} // namespace thespis::proxy
