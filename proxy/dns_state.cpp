#include "proxy/dns_state.hpp"

#include "api/generated/core_v1_service.hpp"
#include "api/generated/discovery_v1.hpp"
#include "api/object/typed.hpp"

#include <algorithm>

namespace thespis::proxy {

namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

std::string protocol_label(const std::string& protocol) {
  return protocol.empty() ? "tcp" : lower(protocol);
}

/// Unready endpoints are ready here when their service publishes them: the slice says so.
void add_endpoints(const api::v1::endpoint_slice& slice, dns::service_entry& out) {
  std::vector<dns::named_port> ports;
  for (const auto& p : slice.ports)
    if (p.port)
      ports.push_back({lower(p.name), protocol_label(p.protocol), static_cast<uint16_t>(*p.port)});
  for (const auto& e : slice.endpoints) {
    const auto* c = e.conditions.get();
    if (c && !c->ready.value_or(true))
      continue;
    out.endpoints.push_back({e.addresses, lower(e.hostname), ports});
  }
}

} // namespace

std::optional<dns::service_entry> dns_state::entry_of(const service_key& key) const {
  const auto object = known_.find(key);
  if (!object)
    return std::nullopt;
  const auto service = api::typed<api::v1::service>(*object);
  const auto& spec = service->spec;
  dns::service_entry res;
  if (spec.type == "ExternalName") {
    res.external_name = lower(spec.external_name);
    if (res.external_name.ends_with('.'))
      res.external_name.pop_back();
    return res;
  }
  if (spec.cluster_ip == "None") {
    for (const auto& [name, slice] : known_.slices(key))
      add_endpoints(*api::typed<api::v1::endpoint_slice>(*slice), res);
    return res;
  }
  res.addresses = spec.cluster_ips.empty() ? std::vector{spec.cluster_ip} : spec.cluster_ips;
  std::erase(res.addresses, "");
  for (const auto& p : spec.ports)
    res.ports.push_back({lower(p.name), protocol_label(p.protocol), static_cast<uint16_t>(p.port)});
  return res;
}

std::vector<zone_change> dns_state::take_changes() {
  std::vector<zone_change> res;
  for (const auto& key : known_.take_changed())
    res.emplace_back(key, entry_of(key));
  return res;
}

} // namespace thespis::proxy
