#include "proxy/dns/zone.hpp"

#include <algorithm>

namespace thespis::proxy::dns {

namespace {

constexpr std::string_view schema_version = "\"1.1.0\"";
constexpr size_t max_labels = 128;

std::vector<std::string_view> split(std::string_view name) {
  std::vector<std::string_view> res;
  while (!name.empty() && res.size() < max_labels) {
    const size_t dot = name.find('.');
    res.push_back(name.substr(0, dot));
    name = dot == name.npos ? std::string_view{} : name.substr(dot + 1);
  }
  return res;
}

bool is_v6(std::string_view address) {
  return address.find(':') != address.npos;
}

/// "10-42-0-7": what an endpoint without a hostname is called.
std::string dashed(std::string_view address) {
  std::string res{address};
  std::replace(res.begin(), res.end(), '.', '-');
  std::replace(res.begin(), res.end(), ':', '-');
  return res;
}

std::string host_of(const named_endpoint& e) {
  return !e.hostname.empty()   ? e.hostname
         : e.addresses.empty() ? std::string{}
                               : dashed(e.addresses.front());
}

bool wants(uint16_t asked, uint16_t type) {
  return asked == type || asked == type_any;
}

void add_addresses(std::string_view owner, const std::vector<std::string>& addresses,
                   uint16_t asked, std::vector<record>& out) {
  for (const auto& a : addresses)
    if (const uint16_t type = is_v6(a) ? type_aaaa : type_a; wants(asked, type))
      out.push_back({std::string{owner}, type, a});
}

/// `_http` without the underscore; nothing for another label.
std::optional<std::string_view> underscored(std::string_view label) {
  if (label.size() < 2 || label.front() != '_')
    return std::nullopt;
  return label.substr(1);
}

/// The address that a reverse name asks for.
std::optional<api::ip_address> reversed_address(std::string_view name) {
  constexpr std::string_view v4 = ".in-addr.arpa", v6 = ".ip6.arpa";
  if (name.ends_with(v4)) {
    auto labels = split(name.substr(0, name.size() - v4.size()));
    if (labels.size() != 4)
      return std::nullopt;
    std::string text;
    for (auto i = labels.rbegin(); i != labels.rend(); ++i)
      text.append(text.empty() ? "" : ".").append(*i);
    return api::parse_ip(text);
  }
  if (name.ends_with(v6)) {
    auto labels = split(name.substr(0, name.size() - v6.size()));
    if (labels.size() != 32)
      return std::nullopt;
    std::string text;
    for (size_t i = 0; i < 32; ++i) {
      const auto nibble = labels[31 - i];
      if (nibble.size() != 1)
        return std::nullopt;
      text.append(i && i % 4 == 0 ? ":" : "").append(nibble);
    }
    return api::parse_ip(text);
  }
  return std::nullopt;
}

} // namespace

zone::zone(std::string domain, std::vector<api::cidr> ranges)
    : domain_(std::move(domain)), ranges_(std::move(ranges)) {}

std::string zone::name_of(const service_key& key) const {
  return key.second + "." + key.first + ".svc." + domain_;
}

void zone::index(const service_key& key, const service_entry& s, bool add) {
  auto note = [&](const std::string& address, std::string name) {
    const auto ip = api::parse_ip(address);
    if (!ip)
      return;
    auto text = ip->to_string();
    if (add) {
      reverse_[text].insert(std::move(name));
    } else if (auto i = reverse_.find(text); i != reverse_.end()) {
      if (auto one = i->second.find(name); one != i->second.end())
        i->second.erase(one);
      if (i->second.empty())
        reverse_.erase(i);
    }
  };
  for (const auto& a : s.addresses)
    note(a, name_of(key));
  for (const auto& e : s.endpoints)
    for (const auto& a : e.addresses)
      note(a, host_of(e) + "." + name_of(key));
}

void zone::set(const service_key& key, service_entry entry) {
  erase(key);
  index(key, entry, true);
  ++namespaces_[key.first];
  services_[key] = std::move(entry);
}

void zone::erase(const service_key& key) {
  const auto i = services_.find(key);
  if (i == services_.end())
    return;
  index(key, i->second, false);
  services_.erase(i);
  if (auto ns = namespaces_.find(key.first); --ns->second == 0)
    namespaces_.erase(ns);
}

void zone::clear() {
  services_.clear();
  namespaces_.clear();
  reverse_.clear();
}

std::optional<answer> zone::find(std::string_view name, uint16_t type) const {
  if (name.ends_with(".arpa"))
    return find_reverse(name, type);
  answer a;
  if (name == domain_) {
    a.exists = true;
    if (wants(type, type_ns))
      a.records.push_back({domain_, type_ns, "ns.dns." + domain_ + "."});
    return a;
  }
  if (name.size() <= domain_.size() || !name.ends_with(domain_) ||
      name[name.size() - domain_.size() - 1] != '.')
    return std::nullopt;
  const auto inner = name.substr(0, name.size() - domain_.size() - 1);
  if (inner == "dns-version") {
    a.exists = true;
    if (wants(type, type_txt))
      a.records.push_back({std::string{name}, type_txt, std::string{schema_version}});
    return a;
  }
  const auto labels = split(inner);
  if (labels.back() == "svc")
    return find_service(name, labels, type);
  if (labels.back() == "pod")
    return find_pod(name, labels, type);
  return a;
}

answer zone::find_service(std::string_view name, const std::vector<std::string_view>& labels,
                          uint16_t type) const {
  answer a;
  const size_t n = labels.size(); // ... name, namespace, "svc"
  if (n == 1 || n == 2) {
    // Nodes of the tree without records of their own.
    a.exists = n == 1 || namespaces_.contains(labels[0]);
    return a;
  }
  if (n > 5)
    return a;
  const service_key key{labels[n - 2], labels[n - 3]};
  const auto i = services_.find(key);
  if (i == services_.end())
    return a;
  const auto& s = i->second;
  if (n == 3) {
    a.exists = true;
    if (!s.external_name.empty()) {
      a.records.push_back({std::string{name}, type_cname, s.external_name + "."});
      if (type != type_cname && type != type_any)
        a.follow = s.external_name;
      return a;
    }
    add_addresses(name, s.addresses, type, a.records);
    add_endpoints(name, s, type, {}, a);
    return a;
  }
  if (n == 4) {
    if (const auto protocol = underscored(labels[0])) {
      // _tcp.web...: a node between, when there is such a port.
      auto has = [&](const auto& ports) {
        return std::any_of(ports.begin(), ports.end(),
                           [&](const auto& p) { return p.protocol == *protocol; });
      };
      a.exists = has(s.ports) || std::any_of(s.endpoints.begin(), s.endpoints.end(),
                                             [&](const auto& e) { return has(e.ports); });
      return a;
    }
    add_endpoints(name, s, type, labels[0], a);
    return a;
  }
  const auto port = underscored(labels[0]);
  const auto protocol = underscored(labels[1]);
  if (port && protocol)
    add_ports(name, key, s, *port, *protocol, type, a);
  return a;
}

void zone::add_endpoints(std::string_view owner, const service_entry& s, uint16_t type,
                         std::string_view host, answer& out) const {
  for (const auto& e : s.endpoints) {
    if (!host.empty() && host_of(e) != host)
      continue;
    out.exists = true;
    add_addresses(owner, e.addresses, type, out.records);
  }
}

void zone::add_ports(std::string_view owner, const service_key& key, const service_entry& s,
                     std::string_view port, std::string_view protocol, uint16_t type,
                     answer& out) const {
  // An endpoint with a hostname is there once for each family, with one name.
  std::set<std::string> said;
  auto add = [&](const named_port& p, const std::string& target) {
    if (p.name != port || p.protocol != protocol)
      return false;
    out.exists = true;
    if (!wants(type, type_srv))
      return false;
    auto data = "0 100 " + std::to_string(p.port) + " " + target + ".";
    if (said.insert(data).second)
      out.records.push_back({std::string{owner}, type_srv, std::move(data)});
    return true;
  };
  const auto self = name_of(key);
  for (const auto& p : s.ports)
    add(p, self);
  if (!out.records.empty())
    add_addresses(self, s.addresses, type_any, out.additional);
  for (const auto& e : s.endpoints) {
    const auto target = host_of(e) + "." + self;
    bool named = false;
    for (const auto& p : e.ports)
      named |= add(p, target);
    if (named)
      add_addresses(target, e.addresses, type_any, out.additional);
  }
}

answer zone::find_pod(std::string_view name, const std::vector<std::string_view>& labels,
                      uint16_t type) const {
  answer a;
  const size_t n = labels.size(); // address, namespace, "pod"
  if (n == 1 || n == 2) {
    a.exists = true;
    return a;
  }
  if (n > 3)
    return a;
  std::string text{labels[0]};
  std::replace(text.begin(), text.end(), '-', '.');
  auto ip = api::parse_ip(text);
  if (!ip) {
    text = labels[0];
    std::replace(text.begin(), text.end(), '-', ':');
    ip = api::parse_ip(text);
  }
  if (!ip)
    return a;
  a.exists = true;
  add_addresses(name, {ip->to_string()}, type, a.records);
  return a;
}

std::optional<answer> zone::find_reverse(std::string_view name, uint16_t type) const {
  const auto ip = reversed_address(name);
  if (!ip)
    return std::nullopt;
  answer a;
  if (const auto i = reverse_.find(ip->to_string()); i != reverse_.end()) {
    a.exists = true;
    if (wants(type, type_ptr))
      for (const auto& target : i->second)
        a.records.push_back({std::string{name}, type_ptr, target + "."});
    return a;
  }
  const bool ours = std::any_of(ranges_.begin(), ranges_.end(),
                                [&](const auto& range) { return range.contains(*ip); });
  return ours ? std::optional{a} : std::nullopt;
}

} // namespace thespis::proxy::dns
