#include "proxy/policy/policy_planner.hpp"

#include "api/text/cidr.hpp"

#include <algorithm>

namespace thespis::proxy {

namespace {

namespace v1 = api::v1;

constexpr size_t max_ids = 100'000;

std::string json_of(const v1::label_selector& s) {
  api::json::document doc;
  return api::json::to_string(v1::to_json(s, doc.GetAllocator()));
}

/// A selector that cannot be read (validation refuses it) selects nothing.
api::label_selector selector_of(const v1::label_selector& s) {
  api::json::document doc;
  const auto v = v1::to_json(s, doc.GetAllocator());
  return api::read_label_selector(&v).value_or(api::label_selector::nothing());
}

std::string protocol_of(const std::string& name) {
  return name == "UDP" ? "udp" : name == "SCTP" ? "sctp" : "tcp";
}

using address_range = std::pair<api::ip_address, api::ip_address>; // first and last

api::ip_address with_bytes(const api::ip_address& a, std::array<uint8_t, 16> bytes) {
  if (!a.is_v4())
    return api::ip_address::v6(bytes);
  return api::ip_address::v4(uint32_t{bytes[12]} << 24 | uint32_t{bytes[13]} << 16 |
                             uint32_t{bytes[14]} << 8 | bytes[15]);
}

/// The neighbour of an address, one up or down; the other end of all addresses after the last.
api::ip_address next_to(const api::ip_address& a, bool up) {
  auto bytes = a.bytes();
  for (size_t i = 16; i-- > (a.is_v4() ? 12U : 0U);) {
    bytes[i] = static_cast<uint8_t>(bytes[i] + (up ? 1 : -1));
    if (bytes[i] != (up ? 0 : 0xff))
      break;
  }
  return with_bytes(a, bytes);
}

std::optional<address_range> range_of(const std::string& text, ip_family f) {
  const auto c = api::parse_cidr(text);
  if (!c || family_of(c->base()) != f)
    return std::nullopt;
  auto bytes = c->base().bytes();
  const size_t skipped = 128 - c->base().bits();
  for (size_t bit = skipped + c->prefix(); bit < 128; ++bit)
    bytes[bit / 8] |= static_cast<uint8_t>(0x80U >> bit % 8);
  return address_range{c->base(), with_bytes(c->base(), bytes)};
}

/// The ranges of a block without its exceptions, in order.
std::set<std::string> ranges_of(const v1::ip_block& b, ip_family f) {
  std::vector<address_range> left;
  if (const auto all = range_of(b.cidr, f))
    left.push_back(*all);
  for (const auto& text : b.except) {
    const auto hole = range_of(text, f);
    if (!hole)
      continue;
    std::vector<address_range> next;
    for (const auto& r : left) {
      if (hole->second < r.first || hole->first > r.second) {
        next.push_back(r);
        continue;
      }
      if (r.first < hole->first)
        next.emplace_back(r.first, next_to(hole->first, false));
      if (r.second > hole->second)
        next.emplace_back(next_to(hole->second, true), r.second);
    }
    left = std::move(next);
  }
  std::set<std::string> res;
  for (const auto& [first, last] : left)
    res.insert(first == last ? first.to_string() : first.to_string() + "-" + last.to_string());
  return res;
}

} // namespace

void policy_planner::set_policy(const policy_key& key,
                                std::shared_ptr<const v1::network_policy> policy) {
  dirty_ = true;
  if (policy)
    policies_[key] = std::move(policy);
  else
    policies_.erase(key);
}

void policy_planner::set_namespace(const std::string& name, std::optional<api::label_set> labels) {
  const auto known = namespaces_.find(name);
  if (labels) {
    if (known != namespaces_.end() && known->second == *labels)
      return;
    namespaces_[name] = std::move(*labels);
  } else {
    namespaces_.erase(name);
  }
  dirty_ = true;
}

void policy_planner::set_pod(const policy_key& key, std::optional<policy_pod> pod) {
  const auto known = pods_.find(key);
  if (known != pods_.end()) {
    if (pod && known->second.facts == *pod)
      return;
    discount(known->second);
    if (!pod)
      pods_.erase(known);
  }
  if (!pod)
    return;
  auto& now = pods_[key];
  now.facts = std::move(*pod);
  if (!dirty_)
    count(key, now);
}

void policy_planner::forget_pods() {
  pods_.clear();
  namespaces_.clear();
  dirty_ = true;
}

void policy_planner::clear() {
  forget_pods();
  policies_.clear();
}

std::string policy_planner::id_of(char kind, const std::string& text) {
  auto& id = ids_[kind + text];
  if (id.empty())
    id = kind + std::to_string(++next_id_);
  return id;
}

std::string policy_planner::peer_id(const std::string& ns, const v1::network_policy_peer& p) {
  const v1::label_selector all;
  const auto& pods = p.pod_selector ? *p.pod_selector : all;
  const auto text =
      (p.namespace_selector ? "+" + json_of(*p.namespace_selector) : "=" + ns) + json_of(pods);
  auto& known = peers_[text];
  if (known.id.empty()) {
    known.id = id_of('p', text);
    known.pods = selector_of(pods);
    if (p.namespace_selector)
      known.spaces = selector_of(*p.namespace_selector);
    else
      known.ns = ns;
  }
  known.used = true;
  return known.id;
}

/// Empty for a block of another family.
std::string policy_planner::block_id(const v1::ip_block& b) {
  policy_set set{set_kind::blocks, ranges_of(b, family_)};
  if (set.elements.empty())
    return {};
  std::string text;
  for (const auto& e : set.elements)
    text += e + " ";
  auto id = id_of('b', text);
  blocks_[id] = std::move(set);
  return id;
}

/// Any of these lets a packet through; one that is empty matches all.
std::vector<std::string>
policy_planner::port_matches(const std::vector<v1::network_policy_port>& ports) {
  if (ports.empty())
    return {""};
  std::vector<std::string> res;
  std::set<std::string> numbers;
  std::set<std::string> protocols;
  for (const auto& p : ports) {
    const auto protocol = protocol_of(p.protocol);
    if (!p.port) {
      protocols.insert(protocol);
    } else if (p.port->is_int()) {
      auto number = std::to_string(p.port->as_int());
      if (p.end_port)
        number += "-" + std::to_string(*p.end_port);
      numbers.insert(protocol + " . " + number);
    } else {
      const port_name name{p.port->as_string(), p.protocol.empty() ? "TCP" : p.protocol};
      auto& id = port_ids_[name];
      if (id.empty())
        id = id_of('n', name.second + name.first);
      res.push_back(std::string{words_.family} + " daddr . meta l4proto . th dport @" + id + " ");
    }
  }
  // One match a range: in a set of concatenations ranges of one protocol may not overlap.
  for (const auto& n : numbers) {
    const auto dot = n.find(" . ");
    res.push_back(n.substr(0, dot) + " dport " + n.substr(dot + 3) + " ");
  }
  for (const auto& p : protocols)
    res.push_back("meta l4proto " + p + " ");
  return res;
}

void policy_planner::add_rules(std::vector<std::string>& out, const std::string& ns,
                               const std::vector<v1::network_policy_peer>& peers,
                               const std::vector<v1::network_policy_port>& ports, bool ingress) {
  std::vector<std::string> sides;
  for (const auto& p : peers) {
    const auto id = p.ip_block ? block_id(*p.ip_block) : peer_id(ns, p);
    if (!id.empty())
      sides.push_back(std::string{words_.family} + (ingress ? " saddr @" : " daddr @") + id + " ");
  }
  if (peers.empty())
    sides.emplace_back();
  for (const auto& side : sides)
    for (const auto& match : port_matches(ports))
      out.push_back(side + match);
}

policy_planner::compiled policy_planner::compile(const std::string& ns,
                                                 const v1::network_policy& p) {
  compiled res;
  res.pods = selector_of(p.spec.pod_selector ? *p.spec.pod_selector : v1::label_selector{});
  const auto& types = p.spec.policy_types;
  const auto is_about = [&](const char* type) {
    return std::find(types.begin(), types.end(), type) != types.end();
  };
  res.ingress = types.empty() || is_about("Ingress");
  res.egress = is_about("Egress") || (types.empty() && !p.spec.egress.empty());
  if (res.ingress)
    for (const auto& r : p.spec.ingress)
      add_rules(res.ingress_rules, ns, r.from, r.ports, true);
  if (res.egress)
    for (const auto& r : p.spec.egress)
      add_rules(res.egress_rules, ns, r.to, r.ports, false);
  return res;
}

void policy_planner::compile_all() {
  for (auto& [key, pod] : pods_)
    pod.in.clear();
  // Names are never given twice, so those of long gone policies may be forgotten with all others.
  if (ids_.size() > max_ids) {
    ids_.clear();
    peers_.clear();
  }
  for (auto& [text, p] : peers_) {
    p.used = false;
    p.members.clear();
  }
  blocks_.clear();
  port_ids_.clear();
  compiled_.clear();
  for (const auto& [key, policy] : policies_)
    compiled_[key] = compile(key.first, *policy);
  std::erase_if(peers_, [](const auto& p) { return !p.second.used; });
  for (auto& [key, pod] : pods_)
    count(key, pod);
}

bool policy_planner::belongs(const peer& to, const policy_key& key, const policy_pod& pod) const {
  if (to.ns && *to.ns != key.first)
    return false;
  if (to.spaces) {
    const auto space = namespaces_.find(key.first);
    if (space == namespaces_.end() || !to.spaces->matches(space->second))
      return false;
  }
  return to.pods.matches(pod.labels);
}

void policy_planner::count(const policy_key& key, known_pod& pod) {
  for (auto& [text, p] : peers_)
    if (belongs(p, key, pod.facts)) {
      ++p.members[pod.facts.ip];
      pod.in.push_back(&p);
    }
}

void policy_planner::discount(known_pod& pod) {
  for (auto* p : pod.in)
    if (const auto m = p->members.find(pod.facts.ip); m != p->members.end() && --m->second == 0)
      p->members.erase(m);
  pod.in.clear();
}

/// Leads the pod's address to what its policies allow.
void policy_planner::isolate(const policy_key& key, const policy_pod& pod) {
  std::set<std::string> in;
  std::set<std::string> out;
  bool isolated_in = false;
  bool isolated_out = false;
  for (auto i = compiled_.lower_bound({key.first, {}});
       i != compiled_.end() && i->first.first == key.first; ++i) {
    const auto& c = i->second;
    if (!c.pods.matches(pod.labels))
      continue;
    isolated_in = isolated_in || c.ingress;
    isolated_out = isolated_out || c.egress;
    in.insert(c.ingress_rules.begin(), c.ingress_rules.end());
    out.insert(c.egress_rules.begin(), c.egress_rules.end());
  }
  const auto lead = [&](bool isolated, const std::set<std::string>& rules, auto& map) {
    if (!isolated)
      return;
    std::string text;
    for (const auto& r : rules)
      text += r + "\n";
    auto id = id_of('c', text);
    rules_.chains.try_emplace(id, rules.begin(), rules.end());
    map[pod.ip] = std::move(id);
  };
  lead(isolated_in, in, rules_.ingress);
  lead(isolated_out, out, rules_.egress);
}

const policy_rules& policy_planner::rules() {
  if (std::exchange(dirty_, false))
    compile_all();
  rules_ = {};
  for (const auto& [key, pod] : pods_)
    if (pod.facts.local)
      isolate(key, pod.facts);
  if (rules_.empty())
    return rules_;
  rules_.sets = blocks_;
  for (const auto& [text, p] : peers_) {
    auto& set = rules_.sets[p.id];
    for (const auto& [ip, times] : p.members)
      set.elements.insert(ip);
  }
  for (const auto& [name, id] : port_ids_) {
    auto& set = rules_.sets[id];
    set.kind = set_kind::ports;
    for (const auto& [key, pod] : pods_)
      for (const auto& port : pod.facts.ports)
        if (port.name == name.first && port.protocol == name.second)
          set.elements.insert(pod.facts.ip + " . " + protocol_of(port.protocol) + " . " +
                              std::to_string(port.number));
  }
  return rules_;
}

} // namespace thespis::proxy
