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

std::set<std::string> widest_ranges(const std::vector<std::string>& texts) {
  std::vector<api::cidr> all;
  for (const auto& text : texts)
    if (const auto c = api::parse_cidr(text); c && c->base().is_v4())
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

guarded_addresses guards_of(const service_table& services) {
  guarded_addresses res;
  std::set<std::string> claimed;
  for (const auto& [name, p] : services)
    for (const auto& ip : p.balancer_ips) {
      const auto parsed = api::parse_ip(ip);
      if (!parsed || !parsed->is_v4())
        continue;
      auto key = ip + " . " + name_of(p.proto) + " . " + std::to_string(p.port);
      if (claimed.insert(key).second && !p.source_ranges.empty())
        res[key] = widest_ranges(p.source_ranges);
    }
  return res;
}

// Two sets rather than a chain a service. New connections only, before destinations change; the
// raw source is what counts.
std::string guards_text(const std::string& table, const guarded_addresses& guards) {
  std::string out = "add table ip " + table + "\ndelete table ip " + table + "\n";
  if (guards.empty())
    return out;
  out += "add table ip " + table + "\n";
  const std::string what = "ip daddr . meta l4proto . th dport";
  out += "add set ip " + table + " guarded { type ipv4_addr . inet_proto . inet_service; }\n";
  out += "add set ip " + table +
         " allowed { type ipv4_addr . inet_proto . inet_service . ipv4_addr; flags interval; }\n";
  for (const char* hook : {"prerouting", "output"}) {
    const std::string chain = "ip " + table + " " + hook;
    // Ahead of the choice of an endpoint, behind connection tracking (-200).
    out += "add chain " + chain + " { type filter hook " + hook + " priority -160; }\n";
    out += "add rule " + chain + " ct state != new return\n";
    out += "add rule " + chain + " " + what + " != @guarded return\n";
    out += "add rule " + chain + " " + what + " . ip saddr @allowed return\n";
    out += "add rule " + chain + " drop\n";
  }
  std::string guarded;
  std::string allowed;
  for (const auto& [key, ranges] : guards) {
    guarded += (guarded.empty() ? "" : ", ") + key;
    for (const auto& r : ranges)
      allowed += (allowed.empty() ? "" : ", ") + key + " . " + r;
  }
  out += "add element ip " + table + " guarded { " + guarded + " }\n";
  if (!allowed.empty())
    out += "add element ip " + table + " allowed { " + allowed + " }\n";
  return out;
}

std::string guards_table_name(const std::string& services_table) {
  return services_table + "_guards";
}

} // namespace thespis::proxy
