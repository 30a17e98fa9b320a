#include "api/pipeline/service_addresses.hpp"

#include "api/text/cidr.hpp"

#include <algorithm>

namespace thespis::api {

namespace {

constexpr std::string_view ranges_resource = "servicecidrs.networking.k8s.io";
constexpr std::string_view addresses_resource = "ipaddresses.networking.k8s.io";
constexpr std::string_view default_range = "kubernetes";
constexpr std::string_view manager_label = "ipaddress.kubernetes.io/managed-by";
constexpr std::string_view our_manager = "ipallocator.k8s.io";

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

service_addresses::service_addresses(const pipeline_deps& deps) : deps_(deps) {}

std::optional<service_addresses::block> service_addresses::block_of(const std::string& text) {
  auto range = parse_cidr(text);
  if (!range || !range->base().is_v4() || range->prefix() < 1 || range->prefix() > 30)
    return std::nullopt;
  // The network's own address and the broadcast address are nobody's.
  auto first = range->base().to_v4() + 1;
  return block{text, first, first + static_cast<uint32_t>(range->size()) - 3};
}

std::string service_addresses::ranges() {
  std::lock_guard lock(mutex_);
  refresh();
  std::string out;
  for (const auto& b : blocks_)
    out += (out.empty() ? "" : ", ") + b.cidr;
  return out;
}

/// The configured range first, then the others by name.
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
    add(deps_.service_cidr);
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
    if (auto ip = parse_v4(o->name()))
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

void service_addresses::take(uint32_t ip, const std::string& owner) {
  claimed_ips_[ip] = {owner, deps_.now() + claim_life};
}

void service_addresses::take(const port_key& port, const std::string& owner) {
  claimed_ports_[port] = {owner, deps_.now() + claim_life};
}

service_addresses::answer service_addresses::claim_ip(const std::string& text,
                                                      const std::string& owner, bool rehearsal) {
  auto ip = parse_v4(text);
  if (!ip)
    return answer::outside;
  std::lock_guard lock(mutex_);
  refresh();
  auto held = ips_.find(*ip);
  bool own = held != ips_.end() && held->second == owner;
  // What a Service has it keeps, also when its range is on its way out.
  if (!own && std::none_of(blocks_.begin(), blocks_.end(),
                           [&](const auto& b) { return *ip >= b.first && *ip <= b.last; }))
    return answer::outside;
  if (!own && !is_free(*ip, owner))
    return answer::taken;
  if (!rehearsal)
    take(*ip, owner);
  return answer::ok;
}

/// The band for people's own choices comes last.
std::optional<uint32_t> service_addresses::free_in(const block& b, uint64_t seed) const {
  uint32_t size = b.last - b.first + 1;
  uint32_t low = static_band(size);
  uint32_t high = size - low;
  // A Service has one address: what it holds already is for it to keep, not to be given again.
  auto is_nobodys = [&](uint32_t offset) { return is_free(b.first + offset, {}); };
  for (uint32_t i = 0; i < high; ++i)
    if (auto offset = low + static_cast<uint32_t>((seed + i) % high); is_nobodys(offset))
      return b.first + offset;
  for (uint32_t i = 0; i < low; ++i)
    if (is_nobodys(i))
      return b.first + i;
  return std::nullopt;
}

std::optional<std::string> service_addresses::claim_any_ip(const std::string& owner, uint64_t seed,
                                                           bool rehearsal) {
  std::lock_guard lock(mutex_);
  refresh();
  for (const auto& b : blocks_)
    if (auto ip = free_in(b, seed)) {
      if (!rehearsal)
        take(*ip, owner);
      return ip_address::v4(*ip).to_string();
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
