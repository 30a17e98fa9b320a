#include "proxy/flow_routes.hpp"

#include <mutex>

namespace thespis::proxy {

void flow_routes::set(const service_port_name& name, const service_port& port,
                      balancer_handle balancer) {
  const std::unique_lock lock{mutex_};
  erase_locked(name);
  auto& [handle, keys] = ports_[name];
  handle = balancer;
  const auto claim = [&](const api::ip_address& address, uint16_t number, route r) {
    const key k{address, port.proto, number};
    if (frontends_[k].emplace(name, std::move(r)).second)
      keys.push_back(k);
  };
  for (const auto& ip : port.cluster_ips)
    if (const auto address = parse_address(ip, port.family); address && port.port != 0)
      claim(*address, port.port, {balancer, false, port.internal_local});
  for (const auto& ip : port.external_ips)
    if (const auto address = parse_address(ip, port.family); address && port.port != 0)
      claim(*address, port.port, {balancer, true, port.external_local});
  if (port.node_port != 0)
    claim(any_address(port.family), port.node_port, {balancer, true, port.external_local});
}

void flow_routes::erase(const service_port_name& name) {
  const std::unique_lock lock{mutex_};
  erase_locked(name);
}

void flow_routes::erase_locked(const service_port_name& name) {
  const auto i = ports_.find(name);
  if (i == ports_.end())
    return;
  for (const auto& k : i->second.second) {
    const auto f = frontends_.find(k);
    f->second.erase(name);
    if (f->second.empty())
      frontends_.erase(f);
  }
  ports_.erase(i);
}

const flow_routes::route* flow_routes::find(const flow& f) const {
  for (const auto& address : {f.destination, any_address(family_of(f.destination))})
    if (const auto i = frontends_.find(key{address, f.proto, f.destination_port});
        i != frontends_.end())
      return &i->second.begin()->second;
  return nullptr;
}

std::vector<balancer_handle> flow_routes::balancers() const {
  const std::shared_lock lock{mutex_};
  std::vector<balancer_handle> out;
  out.reserve(ports_.size());
  for (const auto& [name, port] : ports_)
    out.push_back(port.first);
  return out;
}

} // namespace thespis::proxy
