#include "actors/controllers/topology_hints.hpp"

#include <algorithm>
#include <cmath>

namespace thespis::actors {

namespace {

using api::v1::slice_endpoint;
using endpoint_list = std::vector<slice_endpoint*>;

/// More load than this beyond a zone's share counts as too much.
constexpr double overload_allowed = 0.2;

bool is_ready(const slice_endpoint& e) {
  return !e.conditions || e.conditions->ready.value_or(true);
}

/// How many endpoints each zone should have: whole numbers that sum up to `total`, as near to the
/// shares of processors as they come. Empty when some zone's share would not be met.
std::map<std::string, size_t> allotment(const zone_cpus& zones, size_t total) {
  double all = 0;
  for (const auto& [zone, cpu] : zones)
    all += static_cast<double>(cpu);
  std::map<std::string, size_t> res;
  std::vector<std::pair<double, std::string>> rests;
  size_t given = 0;
  for (const auto& [zone, cpu] : zones) {
    const double share = static_cast<double>(cpu) / all * static_cast<double>(total);
    res[zone] = static_cast<size_t>(std::floor(share));
    given += res[zone];
    rests.emplace_back(-(share - std::floor(share)), zone);
  }
  std::sort(rests.begin(), rests.end());
  for (size_t i = 0; given < total && i < rests.size(); ++i, ++given)
    ++res[rests[i].second];
  for (const auto& [zone, cpu] : zones) {
    const double share = static_cast<double>(cpu) / all * static_cast<double>(total);
    const auto has = static_cast<double>(res[zone]);
    if (has == 0 || share / has - 1 > overload_allowed)
      return {};
  }
  return res;
}

/// Every zone keeps its own endpoints up to its allotment and lends the rest.
void hint_proportionally(const zone_cpus& zones, const endpoint_list& ready) {
  if (zones.size() < 2 || ready.size() < zones.size())
    return;
  for (const auto* e : ready)
    if (!zones.count(e->zone))
      return;
  auto left = allotment(zones, ready.size());
  if (left.empty())
    return;
  endpoint_list spare;
  for (auto* e : ready) {
    if (left[e->zone] == 0) {
      spare.push_back(e);
      continue;
    }
    --left[e->zone];
    e->hints.ensure().for_zones = {{e->zone}};
  }
  auto taker = left.begin();
  for (auto* e : spare) {
    while (taker != left.end() && taker->second == 0)
      ++taker;
    if (taker == left.end())
      return;
    --taker->second;
    e->hints.ensure().for_zones = {{taker->first}};
  }
}

} // namespace

topology topology_of(const api::v1::service& s) {
  for (const char* key :
       {"service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints"})
    if (const auto mode = s.metadata.annotations.find(key); mode != s.metadata.annotations.end())
      return mode->second == "Auto" || mode->second == "auto" ? topology::proportional
                                                              : topology::none;
  const auto& wish = s.spec.traffic_distribution;
  if (wish == "PreferClose" || wish == "PreferSameZone")
    return topology::same_zone;
  return wish == "PreferSameNode" ? topology::same_node : topology::none;
}

void set_hints(topology how, const zone_cpus& zones, const endpoint_list& endpoints) {
  endpoint_list ready;
  for (auto* e : endpoints) {
    e->hints = {};
    if (is_ready(*e))
      ready.push_back(e);
  }
  if (how == topology::none)
    return;
  if (how == topology::proportional)
    return hint_proportionally(zones, ready);
  for (auto* e : ready) {
    if (!e->zone.empty())
      e->hints.ensure().for_zones = {{e->zone}};
    // The zone stays beside it for proxies that do not know of nodes.
    if (how == topology::same_node && !e->node_name.empty())
      e->hints.ensure().for_nodes = {{e->node_name}};
  }
}

} // namespace thespis::actors
