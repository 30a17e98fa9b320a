#include "proxy/data/ruleset.hpp"

#include "proxy/data/planner.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace thespis::proxy {

namespace {

using backends = std::set<backend>;

// The ready endpoints, or those that still serve while they terminate. A pod may appear in two
// slices while it moves between them: one ready appearance is enough.
backends usable(const service_port& p, bool local_only) {
  backends ready;
  backends serving;
  for (const auto& e : p.endpoints) {
    if (local_only ? !e.node_local : e.passed_over)
      continue;
    auto address = parse_address(e.ip, p.family);
    if (!address || e.port == 0)
      continue;
    if (e.ready)
      ready.insert({*address, e.port});
    else if (e.serving && e.terminating)
      serving.insert({*address, e.port});
  }
  auto& chosen = ready.empty() ? serving : ready;
  while (chosen.size() > max_endpoints)
    chosen.erase(std::prev(chosen.end()));
  return std::move(chosen);
}

// Names an endpoint within its service port by what it is, so that the name outlives changes of the
// others and restarts of this program: affinity and queued verdicts refer to endpoints by it.
std::map<backend, uint32_t> ids_of(const backends& a, const backends& b) {
  backends all = a;
  all.insert(b.begin(), b.end());
  std::map<backend, uint32_t> ids;
  std::set<uint32_t> taken{0};
  for (const auto& e : all) {
    uint32_t id = 2166136261U; // FNV-1a
    const auto mix = [&](uint8_t byte) { id = (id ^ byte) * 16777619U; };
    mix(static_cast<uint8_t>(e.port));
    mix(static_cast<uint8_t>(e.port >> 8));
    const auto& bytes = e.address.bytes();
    std::for_each(bytes.rbegin(), bytes.rbegin() + (e.address.is_v4() ? 4 : 16), mix);
    while (!taken.insert(id).second)
      ++id;
    ids.emplace(e, id);
  }
  return ids;
}

class writer {
public:
  writer(const service_port& p, backends cluster, backends local)
      : port_{p}, cluster_{std::move(cluster)}, local_{std::move(local)}, ids_{ids_of(cluster_,
                                                                                      local_)} {}

  void cluster_ip(const api::ip_address& address) {
    frontend({part::frontend, false, port_.proto, port_.port, address}, port_.internal_local,
             false);
  }

  // An address or node port that outsiders use. With policy Local their address is kept.
  void external(bool node, const api::ip_address& address, uint16_t port) {
    frontend({part::frontend, node, port_.proto, port, address}, port_.external_local,
             !port_.external_local);
    if (port_.external_local)
      frontend({part::inside, node, port_.proto, port, address}, false, false);
  }

  void hairpins(const std::vector<endpoint>& all) {
    for (const auto& e : all)
      if (auto address = parse_address(e.ip, port_.family); address && e.node_local)
        if (cluster_.count({*address, e.port}) || local_.count({*address, e.port}))
          add({part::hairpin, false, protocol::tcp, 0, *address}, {});
  }

  std::vector<element> take() {
    std::sort(out_.begin(), out_.end());
    auto same = [](const element& a, const element& b) { return a.first == b.first; };
    out_.erase(std::unique(out_.begin(), out_.end(), same), out_.end());
    return std::move(out_);
  }

private:
  // In the kernel's memory.
  uint32_t remembered_seconds() const {
    return port_.family == ip_family::v4 ? port_.affinity_seconds : 0;
  }

  void add(element_key key, element_value value) { out_.emplace_back(key, value); }

  void frontend(element_key key, bool local_only, bool masquerade) {
    const auto& use = local_only ? local_ : cluster_;
    if (use.empty()) {
      bool elsewhere = local_only && !cluster_.empty();
      add(key, {.what = elsewhere ? verdict::drop : verdict::refuse});
      return;
    }
    bool inside = key.in == part::inside;
    pick_chain chain{static_cast<uint16_t>(use.size()), key.node, inside, masquerade,
                     remembered_seconds()};
    chain.by_client = port_.affinity_seconds != remembered_seconds();
    add(key, {.what = verdict::pick, .chain = chain});
    if (use.size() > 1 && !inside) {
      auto asked = key;
      asked.in = part::asked;
      add(asked, {.what = remembered_seconds() == 0 ? verdict::ask : verdict::ask_new});
    }
    key.extra = inside ? inside_offset : 0;
    for (const auto& e : use) {
      element_value target{.address = e.address, .port = e.port};
      if (remembered_seconds() == 0) {
        key.in = part::choice;
        add(key, target);
      } else {
        auto id = ids_.at(e);
        key.in = part::sticky_choice;
        add(key, {.id = id});
        auto by_id = key;
        by_id.in = part::endpoint;
        by_id.extra = id;
        add(by_id, target);
      }
      ++key.extra;
    }
  }

  const service_port& port_;
  backends cluster_;
  backends local_;
  std::map<backend, uint32_t> ids_;
  std::vector<element> out_;
};

} // namespace

std::vector<backend> usable_endpoints(const service_port& p, bool local_only) {
  const auto all = usable(p, local_only);
  return {all.begin(), all.end()};
}

std::vector<element> elements_of(const service_port& p) {
  writer w{p, usable(p, false), usable(p, true)};
  if (p.port != 0) {
    for (const auto& ip : p.cluster_ips)
      if (auto address = parse_address(ip, p.family))
        w.cluster_ip(*address);
    for (const auto& ip : p.external_ips)
      if (auto address = parse_address(ip, p.family))
        w.external(false, *address, p.port);
  }
  if (p.node_port != 0)
    w.external(true, {}, p.node_port);
  w.hairpins(p.endpoints);
  return w.take();
}

ruleset plan(const service_table& services, ip_family family) {
  planner all;
  all.reset(services, family);
  return all.rules();
}

batch diff(const ruleset& from, const ruleset& to) {
  batch out;
  auto a = from.elements.begin();
  auto b = to.elements.begin();
  while (a != from.elements.end() || b != to.elements.end()) {
    if (b == to.elements.end() || (a != from.elements.end() && a->first < b->first)) {
      out.remove.push_back(*a++);
    } else if (a == from.elements.end() || b->first < a->first) {
      out.add.push_back(*b++);
    } else {
      if (a->second != b->second) {
        out.remove.push_back(*a);
        out.add.push_back(*b);
      }
      ++a;
      ++b;
    }
  }
  for (const auto& [chain, uses] : to.chains)
    if (!from.chains.count(chain))
      out.add_chains.push_back(chain);
  for (const auto& [chain, uses] : from.chains)
    if (!to.chains.count(chain))
      out.remove_chains.push_back(chain);
  out.stale = stale_flows(out.remove, out.add);
  return out;
}

std::vector<stale_flow> stale_flows(const std::vector<element>& removed,
                                    const std::vector<element>& added) {
  // Numbers shift when an endpoint goes, so an endpoint is gone only if no addition brings it back.
  auto udp = [](const element& e) { return e.first.proto == protocol::udp; };
  auto leads_to = [](const element& e) {
    return e.first.in == part::choice || e.first.in == part::endpoint;
  };
  auto flow = [](const element& e) {
    return stale_flow{e.first.node, e.first.address, e.first.port, e.second.address, e.second.port};
  };
  std::set<stale_flow> gone;
  std::set<element_key> had;
  for (const auto& e : removed) {
    if (!udp(e))
      continue;
    if (leads_to(e))
      gone.insert(flow(e));
    else
      had.insert(e.first);
  }
  for (const auto& e : added) {
    if (!udp(e))
      continue;
    if (leads_to(e))
      gone.erase(flow(e));
    else if (e.first.in == part::frontend && !had.count(e.first))
      gone.insert({e.first.node, e.first.address, e.first.port, {}, 0});
  }
  return {gone.begin(), gone.end()};
}

} // namespace thespis::proxy
