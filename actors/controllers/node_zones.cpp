#include "actors/controllers/node_zones.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

constexpr const char* region_label = "topology.kubernetes.io/region";
constexpr const char* zone_label = "topology.kubernetes.io/zone";
constexpr const char* exclude_label = "node.kubernetes.io/exclude-disruption";
/// Fewer ill nodes than this never make a disruption.
constexpr int least_ill = 3;

std::string zone_of(const api::v1::node& n) {
  const auto label = [&](const char* key) {
    const auto i = n.metadata.labels.find(key);
    return i == n.metadata.labels.end() ? std::string{} : i->second;
  };
  return label(region_label) + "/" + label(zone_label);
}

} // namespace

void node_zones::count(const member& m, int by) {
  auto& z = zones_[m.zone];
  if (m.counts)
    (m.ready ? z.ready : z.ill) += by;
}

void node_zones::set(const api::v1::node& n, bool ready, bool tainted) {
  const auto [i, fresh] = members_.try_emplace(n.metadata.name);
  auto& m = i->second;
  if (!fresh)
    count(m, -1);
  m.zone = zone_of(n);
  m.counts = !n.metadata.labels.contains(exclude_label);
  m.ready = ready;
  m.leave = !ready && (m.leave || tainted);
  count(m, 1);
}

void node_zones::remove(const std::string& node) {
  const auto i = members_.find(node);
  if (i == members_.end())
    return;
  const auto name = i->second.zone;
  count(i->second, -1);
  members_.erase(i);
  if (std::none_of(members_.begin(), members_.end(),
                   [&](const auto& m) { return m.second.zone == name; }))
    zones_.erase(name);
}

bool node_zones::all_disrupted() const {
  bool some = false;
  for (const auto& [name, z] : zones_) {
    if (z.ready > 0)
      return false;
    some |= is_disrupted(z);
  }
  return some;
}

std::optional<std::chrono::nanoseconds> node_zones::pace_of(const zone& z) const {
  const auto all = z.ready + z.ill;
  const bool partly = z.ready > 0 && z.ill >= least_ill && z.ill >= pace_.disrupted_at * all;
  if (!partly)
    return pace_.between;
  return all > pace_.large_zone ? std::optional{pace_.reduced} : std::nullopt;
}

bool node_zones::may_empty(const std::string& node, wall_time now) {
  const auto i = members_.find(node);
  if (i == members_.end() || i->second.ready)
    return false;
  auto& m = i->second;
  if (all_disrupted()) {
    m.leave = false;
    return false;
  }
  if (m.leave)
    return true;
  auto& z = zones_[m.zone];
  const auto pace = pace_of(z);
  if (!pace || (z.last_leave && now < *z.last_leave + *pace))
    return false;
  z.last_leave = now;
  m.leave = true;
  return true;
}

} // namespace thespis::actors
