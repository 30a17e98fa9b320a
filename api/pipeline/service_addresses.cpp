#include "api/pipeline/service_addresses.hpp"

#include "api/text/cidr.hpp"

#include <algorithm>

namespace thespis::api {

namespace {

std::optional<uint32_t> parse_v4(std::string_view text) {
  auto ip = parse_ip(text);
  if (!ip || !ip->is_v4())
    return std::nullopt;
  return ip->to_v4();
}

/// Addresses at the start of the range that are left to people who choose their own, as the
/// apiserver does it.
uint32_t static_band(uint32_t size) {
  return std::clamp<uint32_t>(size / 16, std::min<uint32_t>(16, size), 256);
}

} // namespace

service_addresses::service_addresses(const pipeline_deps& deps) : deps_(deps) {
  auto range = parse_cidr(deps.service_cidr);
  if (!range || !range->base().is_v4() || range->prefix() < 1 || range->prefix() > 30)
    return;
  // The network's own address and the broadcast address are nobody's.
  first_ = range->base().to_v4() + 1;
  last_ = first_ + static_cast<uint32_t>(range->size()) - 3;
}

std::string service_addresses::port_range() const {
  return std::to_string(deps_.node_port_min) + "-" + std::to_string(deps_.node_port_max);
}

void service_addresses::observe() {
  std::lock_guard lock(mutex_);
  refresh();
}

void service_addresses::hold(uint32_t ip, const std::string& owner, holding& h) {
  h.ips.push_back(ip);
  ips_[ip] = owner;
  if (auto it = claimed_ips_.find(ip); it != claimed_ips_.end() && it->second.owner == owner)
    claimed_ips_.erase(it);
}

void service_addresses::hold(port_key port, const std::string& owner, holding& h) {
  ports_[port] = owner;
  if (auto it = claimed_ports_.find(port); it != claimed_ports_.end() && it->second.owner == owner)
    claimed_ports_.erase(it);
  h.ports.push_back(std::move(port));
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
        if (auto ip = parse_v4(json::as_string(v)))
          hold(*ip, owner, h);
    if (const auto* list = json::at(doc, {"spec", "ports"}); list && list->IsArray())
      for (const auto& p : list->GetArray())
        if (auto port = static_cast<int>(json::get_int(p, "nodePort")))
          hold(port_key{port, std::string(json::get_string(p, "protocol", "TCP"))}, owner, h);
    if (const auto* spec = json::find(doc, "spec"))
      if (auto port = static_cast<int>(json::get_int(*spec, "healthCheckNodePort")))
        hold(port_key{port, "TCP"}, owner, h);
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
  auto ip = parse_v4(text);
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
    return ip_address::v4(ip).to_string();
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
