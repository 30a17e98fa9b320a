#include "runtime/network/network_state.hpp"

#include "api/generated/core_v1_node.hpp"
#include "api/json.hpp"
#include "api/object/typed.hpp"

namespace thespis::runtime {

namespace {

constexpr uint32_t max_vni = 0xffffff;

/// The node's ranges as they are written canonically.
std::vector<std::string> ranges_of(const api::v1::node& n) {
  auto all = n.spec.pod_cidrs;
  if (all.empty())
    all.push_back(n.spec.pod_cidr);
  std::vector<std::string> res;
  for (const auto& text : all)
    if (const auto range = api::parse_cidr(text))
      res.push_back(range->to_string());
  return res;
}

bool is_v4(const std::string& range_or_address) {
  return range_or_address.find(':') == std::string::npos;
}

/// The first of that family.
std::string range_of(const api::v1::node& n, bool v4) {
  for (const auto& range : ranges_of(n))
    if (is_v4(range) == v4)
      return range;
  return {};
}

std::string address_of(const api::v1::node& n, bool v4) {
  for (const auto& a : n.status.addresses)
    if (const auto ip = api::parse_ip(a.address); a.type == "InternalIP" && ip &&
                                                  ip->is_v4() == v4 && !ip->is_loopback() &&
                                                  (v4 || !ip->is_link_local()))
      return a.address;
  return {};
}

std::string annotation_of(const api::v1::node& n) {
  const auto i = n.metadata.annotations.find(std::string{vxlan_annotation});
  return i == n.metadata.annotations.end() ? std::string{} : i->second;
}

bool is_mac(std::string_view text) {
  if (text.size() != 17)
    return false;
  for (size_t i = 0; i < text.size(); ++i)
    if (i % 3 == 2 ? text[i] != ':' : !std::isxdigit(static_cast<unsigned char>(text[i])))
      return false;
  return true;
}

} // namespace

std::string to_annotation(const vxlan_end& end) {
  return "{\"vni\":" + std::to_string(end.vni) + ",\"port\":" + std::to_string(end.port) +
         ",\"mac\":\"" + end.mac + "\"}";
}

std::optional<vxlan_end> from_annotation(std::string_view text) {
  const auto doc = api::json::parse(text);
  if (!doc || !doc->IsObject())
    return std::nullopt;
  const auto vni = api::json::get_int(*doc, "vni");
  const auto port = api::json::get_int(*doc, "port");
  // It becomes part of a command.
  const std::string mac{api::json::get_string(*doc, "mac")};
  if (vni < 1 || vni > max_vni || port < 1 || port > 65535 || !is_mac(mac))
    return std::nullopt;
  return vxlan_end{static_cast<uint32_t>(vni), static_cast<uint16_t>(port), mac};
}

void network_state::clear() {
  peers_.clear();
  changed_ = true;
}

void network_state::apply(const api::watch_event& e) {
  const auto& name = e.object->name();
  const bool gone = e.kind == api::event_kind::deleted;
  const auto n = gone ? nullptr : api::typed<api::v1::node>(*e.object);
  if (name == node_) {
    known_ = !gone;
    annotation_ = n ? annotation_of(*n) : "";
    unavailable_.clear();
    if (n)
      for (const auto& c : n->status.conditions)
        if (c.type == "NetworkUnavailable")
          unavailable_ = c.status;
    const auto ranges = n ? ranges_of(*n) : std::vector<std::string>{};
    // A node that comes back keeps its pods, and they their range.
    if (!ranges.empty() && ranges != pod_cidrs_) {
      pod_cidrs_ = ranges;
      changed_ = true;
    }
    return;
  }
  network_peer p;
  if (n) {
    p.node = name;
    p.address = address_of(*n, true);
    p.pod_cidr = range_of(*n, true);
    p.address6 = address_of(*n, false);
    p.pod_cidr6 = range_of(*n, false);
    p.vxlan = from_annotation(annotation_of(*n)).value_or(vxlan_end{});
  }
  const auto i = peers_.find(name);
  if (p.address.empty() || (p.pod_cidr.empty() && p.pod_cidr6.empty())) {
    if (i != peers_.end()) {
      peers_.erase(i);
      changed_ = true;
    }
  } else if (i == peers_.end() || i->second != p) {
    peers_[name] = std::move(p);
    changed_ = true;
  }
}

std::vector<network_peer> network_state::peers() const {
  std::vector<network_peer> res;
  for (const auto& [name, p] : peers_)
    res.push_back(p);
  return res;
}

} // namespace thespis::runtime
