#include "api/pipeline/service_addresses.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace thespis::api {

namespace {

std::optional<uint32_t> parse_ip(const std::string& text) {
  in_addr a{};
  if (inet_pton(AF_INET, text.c_str(), &a) != 1)
    return std::nullopt;
  return ntohl(a.s_addr);
}

std::string format_ip(uint32_t ip) {
  in_addr a{htonl(ip)};
  char text[INET_ADDRSTRLEN] = {};
  inet_ntop(AF_INET, &a, text, sizeof text);
  return text;
}

/// Addresses at the start of the range that are left to people who choose their own, as the
/// apiserver does it.
uint32_t static_band(uint32_t size) {
  return std::clamp<uint32_t>(size / 16, std::min<uint32_t>(16, size), 256);
}

} // namespace

service_addresses::service_addresses(const pipeline_deps& deps) : deps_(deps) {
  const auto& cidr = deps.service_cidr;
  auto slash = cidr.find('/');
  auto base = parse_ip(cidr.substr(0, slash));
  unsigned bits = 32;
  if (slash != cidr.npos)
    std::from_chars(cidr.data() + slash + 1, cidr.data() + cidr.size(), bits);
  if (!base || bits < 1 || bits > 30)
    return;
  uint32_t mask = ~uint32_t{0} << (32 - bits);
  // The network's own address and the broadcast address are nobody's.
  first_ = (*base & mask) + 1;
  last_ = (*base | ~mask) - 1;
}

std::string service_addresses::port_range() const {
  return std::to_string(deps_.node_port_min) + "-" + std::to_string(deps_.node_port_max);
}

void service_addresses::release(const std::string& owner, const holding& h) {
  for (auto ip : h.ips)
    if (auto it = ips_.find(ip); it != ips_.end() && it->second == owner)
      ips_.erase(it);
  for (const auto& p : h.ports)
    if (auto it = ports_.find(p); it != ports_.end() && it->second == owner)
      ports_.erase(it);
}

/// Brings the index up to the snapshot; parses only Services that have changed.
void service_addresses::refresh() {
  auto now = deps_.now();
  std::erase_if(claimed_ips_, [&](const auto& c) { return c.second.until < now; });
  std::erase_if(claimed_ports_, [&](const auto& c) { return c.second.until < now; });
  auto services = deps_.state->list("services");
  if (services.revision == revision_)
    return;
  revision_ = services.revision;
  ++pass_;
  for (const auto& s : services.objects) {
    auto owner = object_key(s->ns(), s->name());
    auto& h = holdings_[owner];
    h.seen = pass_;
    if (h.revision == s->revision())
      continue;
    release(owner, h);
    h = {s->revision(), pass_, {}, {}};
    auto doc = s->parse();
    if (const auto* list = json::at(doc, {"spec", "clusterIPs"}); list && list->IsArray())
      for (const auto& v : list->GetArray())
        if (auto ip = parse_ip(std::string(json::as_string(v)))) {
          h.ips.push_back(*ip);
          ips_[*ip] = owner;
        }
    if (const auto* list = json::at(doc, {"spec", "ports"}); list && list->IsArray())
      for (const auto& p : list->GetArray())
        if (auto port = static_cast<int>(json::get_int(p, "nodePort"))) {
          h.ports.push_back({port, std::string(json::get_string(p, "protocol", "TCP"))});
          ports_[h.ports.back()] = owner;
        }
    if (const auto* spec = json::find(doc, "spec"))
      if (auto port = static_cast<int>(json::get_int(*spec, "healthCheckNodePort"))) {
        h.ports.push_back({port, "TCP"});
        ports_[h.ports.back()] = owner;
      }
  }
  for (auto it = holdings_.begin(); it != holdings_.end();) {
    if (it->second.seen == pass_) {
      ++it;
      continue;
    }
    release(it->first, it->second);
    it = holdings_.erase(it);
  }
}

bool service_addresses::is_free(uint32_t ip, const std::string& owner) const {
  auto held = ips_.find(ip);
  if (held != ips_.end() && held->second != owner)
    return false;
  auto claimed = claimed_ips_.find(ip);
  return claimed == claimed_ips_.end() || claimed->second.owner == owner;
}

bool service_addresses::is_free(const port_key& port, const std::string& owner) const {
  auto held = ports_.find(port);
  if (held != ports_.end() && held->second != owner)
    return false;
  auto claimed = claimed_ports_.find(port);
  return claimed == claimed_ports_.end() || claimed->second.owner == owner;
}

void service_addresses::take(uint32_t ip, const std::string& owner) {
  claimed_ips_[ip] = {owner, deps_.now() + claim_life};
}

void service_addresses::take(const port_key& port, const std::string& owner) {
  claimed_ports_[port] = {owner, deps_.now() + claim_life};
}

service_addresses::answer service_addresses::claim_ip(const std::string& text,
                                                      const std::string& owner) {
  auto ip = parse_ip(text);
  if (!ip || *ip < first_ || *ip > last_)
    return answer::outside;
  std::lock_guard lock(mutex_);
  refresh();
  if (!is_free(*ip, owner))
    return answer::taken;
  take(*ip, owner);
  return answer::ok;
}

std::optional<std::string> service_addresses::claim_any_ip(const std::string& owner,
                                                           uint64_t seed) {
  if (last_ < first_ || last_ == 0)
    return std::nullopt;
  std::lock_guard lock(mutex_);
  refresh();
  uint32_t size = last_ - first_ + 1;
  uint32_t low = static_band(size);
  uint32_t high = size - low;
  auto offer = [&](uint32_t offset) -> std::optional<std::string> {
    auto ip = first_ + offset;
    // A Service has one address: what it holds already is for it to keep, not to be given again.
    if (!is_free(ip, {}))
      return std::nullopt;
    take(ip, owner);
    return format_ip(ip);
  };
  for (uint32_t i = 0; i < high; ++i)
    if (auto ip = offer(low + static_cast<uint32_t>((seed + i) % high)))
      return ip;
  for (uint32_t i = 0; i < low; ++i)
    if (auto ip = offer(i))
      return ip;
  return std::nullopt;
}

service_addresses::answer service_addresses::claim_port(int port, const std::string& protocol,
                                                        const std::string& owner) {
  if (port < deps_.node_port_min || port > deps_.node_port_max)
    return answer::outside;
  std::lock_guard lock(mutex_);
  refresh();
  port_key key{port, protocol};
  if (!is_free(key, owner))
    return answer::taken;
  take(key, owner);
  return answer::ok;
}

std::optional<int> service_addresses::claim_any_port(const std::string& protocol,
                                                     const std::string& owner, uint64_t seed) {
  std::lock_guard lock(mutex_);
  refresh();
  auto size = static_cast<uint64_t>(deps_.node_port_max - deps_.node_port_min + 1);
  for (uint64_t i = 0; i < size; ++i) {
    port_key key{deps_.node_port_min + static_cast<int>((seed + i) % size), protocol};
    if (is_free(key, {})) {
      take(key, owner);
      return key.port;
    }
  }
  return std::nullopt;
}

} // namespace thespis::api
