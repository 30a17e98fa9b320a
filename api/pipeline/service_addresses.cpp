#include "api/pipeline/service_addresses.hpp"

#include <algorithm>

namespace thespis::api {

namespace {

constexpr std::string_view ranges_resource = "servicecidrs.networking.k8s.io";
constexpr std::string_view addresses_resource = "ipaddresses.networking.k8s.io";
constexpr std::string_view default_range = "kubernetes";
constexpr std::string_view manager_label = "ipaddress.kubernetes.io/managed-by";
constexpr std::string_view our_manager = "ipallocator.k8s.io";

/// Addresses at the start of the range that are left to people who choose their own, as the
/// apiserver does it.
uint64_t static_band(uint64_t size) {
  return std::clamp<uint64_t>(size / 16, std::min<uint64_t>(16, size), 256);
}

} // namespace

service_addresses::service_addresses(const pipeline_deps& deps)
    : deps_(deps), configured_(deps.service_cidrs) {
  for (const auto& text : configured_)
    if (const auto range = parse_cidr(text))
      families_.emplace_back(range->base().is_v4() ? "IPv4" : "IPv6");
}

size_t service_addresses::ip_hash::operator()(const ip_address& ip) const {
  const auto& b = ip.bytes();
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(b.data()), b.size()});
}

bool service_addresses::block::holds(const ip_address& ip) const {
  const auto at = range.index_of(ip);
  return at && *at >= first && *at <= last;
}

std::optional<service_addresses::block> service_addresses::block_of(const std::string& text) {
  auto range = parse_cidr(text);
  if (!range || range->prefix() < 1 || range->prefix() > range->base().bits() - 2)
    return std::nullopt;
  // The network's own address is nobody's, nor is IPv4's broadcast address.
  return block{text, *range, 1, range->size() - (range->base().is_v4() ? 2 : 1)};
}

std::string service_addresses::ranges(const std::string& text) {
  const auto ip = parse_ip(text);
  std::lock_guard lock(mutex_);
  refresh();
  std::string out;
  for (const auto& b : blocks_)
    if (!ip || b.range.base().is_v4() == ip->is_v4())
      out += (out.empty() ? "" : ", ") + b.text;
  return out;
}

/// The configured ranges first, then the others by name.
void service_addresses::refresh_blocks() {
  auto all = deps_.state->list(ranges_resource);
  if (all.revision == blocks_revision_)
    return;
  blocks_revision_ = all.revision;
  blocks_.clear();
  std::set<std::string> known;
  auto add = [&](const std::string& text) {
    if (auto b = block_of(text); b && known.insert(text).second)
      blocks_.push_back(std::move(*b));
  };
  auto first = deps_.state->get(ranges_resource, {}, default_range);
  if (!first || !first->meta().deleting)
    for (const auto& text : configured_)
      add(text);
  for (const auto& o : all.objects) {
    if (o->meta().deleting)
      continue;
    auto doc = o->parse();
    if (const auto* list = json::at(doc, {"spec", "cidrs"}); list && list->IsArray())
      for (const auto& v : list->GetArray())
        add(std::string(json::as_string(v)));
  }
}

/// Those of Services are known from the Services.
void service_addresses::refresh_reserved() {
  auto all = deps_.state->list(addresses_resource);
  if (all.revision == reserved_revision_)
    return;
  reserved_revision_ = all.revision;
  reserved_.clear();
  for (const auto& o : all.objects) {
    const auto* manager = find_label(o->labels(), manager_label);
    if (manager && *manager == our_manager)
      continue;
    if (auto ip = parse_ip(o->name()))
      reserved_.insert(*ip);
  }
}

std::string service_addresses::port_range() const {
  return std::to_string(deps_.node_port_min) + "-" + std::to_string(deps_.node_port_max);
}

void service_addresses::observe() {
  std::lock_guard lock(mutex_);
  refresh();
}

void service_addresses::hold(const ip_address& ip, const std::string& owner, holding& h) {
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
  for (const auto& ip : h.ips)
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
  refresh_blocks();
  refresh_reserved();
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
        if (auto ip = parse_ip(json::as_string(v)))
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

bool service_addresses::is_free(const ip_address& ip, const std::string& owner) const {
  if (reserved_.contains(ip))
    return false;
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

void service_addresses::take(const ip_address& ip, const std::string& owner) {
  claimed_ips_[ip] = {owner, deps_.now() + claim_life};
}

void service_addresses::take(const port_key& port, const std::string& owner) {
  claimed_ports_[port] = {owner, deps_.now() + claim_life};
}

service_addresses::answer service_addresses::claim_ip(const std::string& text,
                                                      const std::string& owner, bool rehearsal) {
  auto ip = parse_ip(text);
  if (!ip)
    return answer::outside;
  std::lock_guard lock(mutex_);
  refresh();
  auto held = ips_.find(*ip);
  bool own = held != ips_.end() && held->second == owner;
  // What a Service has it keeps, also when its range is on its way out.
  if (!own &&
      std::none_of(blocks_.begin(), blocks_.end(), [&](const auto& b) { return b.holds(*ip); }))
    return answer::outside;
  if (!own && !is_free(*ip, owner))
    return answer::taken;
  if (!rehearsal)
    take(*ip, owner);
  return answer::ok;
}

/// The band for people's own choices comes last.
std::optional<ip_address> service_addresses::free_in(const block& b, uint64_t seed) const {
  const uint64_t size = b.last - b.first + 1;
  const uint64_t low = static_band(size);
  const uint64_t high = size - low;
  // A Service has one address of a family: what it holds already is for it to keep, not to be given
  // again.
  auto nobodys = [&](uint64_t offset) -> std::optional<ip_address> {
    auto ip = b.range.nth(b.first + offset);
    return ip && is_free(*ip, {}) ? ip : std::nullopt;
  };
  for (uint64_t i = 0; i < high; ++i)
    if (auto ip = nobodys(low + (seed + i) % high))
      return ip;
  for (uint64_t i = 0; i < low; ++i)
    if (auto ip = nobodys(i))
      return ip;
  return std::nullopt;
}

std::optional<std::string> service_addresses::claim_any_ip(std::string_view family,
                                                           const std::string& owner, uint64_t seed,
                                                           bool rehearsal) {
  std::lock_guard lock(mutex_);
  refresh();
  for (const auto& b : blocks_) {
    if (b.range.base().is_v4() != (family == "IPv4"))
      continue;
    if (auto ip = free_in(b, seed)) {
      if (!rehearsal)
        take(*ip, owner);
      return ip->to_string();
    }
  }
  return std::nullopt;
}

service_addresses::answer service_addresses::claim_port(int port, const std::string& protocol,
                                                        const std::string& owner, bool rehearsal) {
  if (port < deps_.node_port_min || port > deps_.node_port_max)
    return answer::outside;
  std::lock_guard lock(mutex_);
  refresh();
  port_key key{port, protocol};
  if (!is_free(key, owner))
    return answer::taken;
  if (!rehearsal)
    take(key, owner);
  return answer::ok;
}

std::optional<int> service_addresses::claim_any_port(const std::string& protocol,
                                                     const std::string& owner, uint64_t seed,
                                                     bool rehearsal) {
  std::lock_guard lock(mutex_);
  refresh();
  auto size = static_cast<uint64_t>(deps_.node_port_max - deps_.node_port_min + 1);
  for (uint64_t i = 0; i < size; ++i) {
    port_key key{deps_.node_port_min + static_cast<int>((seed + i) % size), protocol};
    if (is_free(key, {})) {
      if (!rehearsal)
        take(key, owner);
      return key.port;
    }
  }
  return std::nullopt;
}

} // namespace thespis::api
