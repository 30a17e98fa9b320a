#include "proxy/proxy_state.hpp"

#include "api/generated/core_v1_service.hpp"
#include "api/generated/discovery_v1.hpp"
#include "api/generated/networking_v1.hpp"
#include "api/object/typed.hpp"

namespace thespis::proxy {

namespace {

constexpr uint32_t default_affinity_seconds = 10800;

protocol protocol_of(const std::string& name) {
  if (name == "UDP")
    return protocol::udp;
  if (name == "SCTP")
    return protocol::sctp;
  return protocol::tcp;
}

/// The field, or the annotation that was there before it.
std::vector<std::string> source_ranges_of(const api::v1::service& s) {
  if (!s.spec.load_balancer_source_ranges.empty())
    return s.spec.load_balancer_source_ranges;
  std::vector<std::string> res;
  const auto old =
      s.metadata.annotations.find("service.beta.kubernetes.io/load-balancer-source-ranges");
  if (old == s.metadata.annotations.end())
    return res;
  std::istringstream words{old->second};
  for (std::string word; std::getline(words, word, ',');) {
    std::erase(word, ' ');
    if (!word.empty())
      res.push_back(word);
  }
  return res;
}

/// Who may use an endpoint by its hints. They are heeded only where every ready endpoint has one
/// and some name this node, or else this node's zone, as Kubernetes' "topology aware routing" has
/// it.
class topology {
public:
  topology(const std::string& node, const std::string& zone) : node_(node), zone_(zone) {}

  /// The next endpoint of the port.
  void see(bool ready, const api::v1::slice_endpoint_hints* hints) {
    for_node_.see(ready, hints && !hints->for_nodes.empty(),
                  hints && names(hints->for_nodes, node_));
    for_zone_.see(ready, hints && !hints->for_zones.empty(),
                  hints && names(hints->for_zones, zone_));
  }

  /// Marks those endpoints that are others'.
  void apply(service_port& port) const {
    const auto& by = for_node_.heeded() ? for_node_ : for_zone_;
    if (!by.heeded())
      return;
    for (size_t i = 0; i < port.endpoints.size(); ++i)
      port.endpoints[i].passed_over = port.endpoints[i].ready && !by.ours[i];
  }

private:
  struct kind {
    void see(bool ready, bool hinted, bool our) {
      complete = complete && (!ready || hinted);
      any = any || (ready && our);
      ours.push_back(our);
    }
    bool heeded() const { return complete && any; }

    bool complete = true;
    bool any = false;
    std::vector<bool> ours;
  };

  template <class Hints>
  static bool names(const Hints& hints, const std::string& whom) {
    return !whom.empty() &&
           std::any_of(hints.begin(), hints.end(), [&](const auto& h) { return h.name == whom; });
  }

  const std::string& node_;
  const std::string& zone_;
  kind for_node_;
  kind for_zone_;
};

const char* name_of(ip_family f) {
  return f == ip_family::v4 ? "IPv4" : "IPv6";
}

/// The families a Service is served in: what it says, or what its addresses are.
bool is_in(const api::v1::service_spec& spec, ip_family f) {
  const auto& said = spec.ip_families;
  if (!said.empty())
    return std::find(said.begin(), said.end(), name_of(f)) != said.end();
  const auto& own = spec.cluster_ips.empty() ? std::vector{spec.cluster_ip} : spec.cluster_ips;
  return std::any_of(own.begin(), own.end(),
                     [&](const auto& ip) { return parse_address(ip, f).has_value(); });
}

/// Those of this family.
std::vector<std::string> only(const std::vector<std::string>& addresses, ip_family f) {
  std::vector<std::string> res;
  for (const auto& a : addresses)
    if (parse_address(a, f))
      res.push_back(a);
  return res;
}

void add_endpoints(const api::v1::endpoint_slice& slice, const std::string& port_name,
                   const std::string& port_protocol, const std::string& node, service_port& out,
                   topology& hints) {
  if (slice.address_type != name_of(out.family))
    return;
  for (const auto& p : slice.ports) {
    const auto proto = p.protocol.empty() ? "TCP" : p.protocol;
    if (p.name != port_name || proto != port_protocol || !p.port)
      continue;
    for (const auto& e : slice.endpoints) {
      if (e.addresses.empty())
        continue;
      endpoint one;
      one.ip = e.addresses.front();
      one.port = static_cast<uint16_t>(*p.port);
      const auto* c = e.conditions.get();
      one.ready = !c || c->ready.value_or(true);
      one.terminating = c && c->terminating.value_or(false);
      one.serving = c ? c->serving.value_or(one.ready) : true;
      one.node_local = e.node_name == node;
      if (e.target_ref && e.target_ref->kind == "Pod")
        one.pod = e.target_ref->name;
      hints.see(one.ready, e.hints.get());
      out.endpoints.push_back(std::move(one));
    }
  }
}

} // namespace

void proxy_state::ports_of(const service_key& key, service_table& out) const {
  const auto object = known_.find(key);
  if (!object)
    return;
  const auto service = api::typed<api::v1::service>(*object);
  const auto& spec = service->spec;
  if (spec.type == "ExternalName" || spec.cluster_ip.empty() || spec.cluster_ip == "None")
    return;
  for (const auto f : both_families)
    if (is_in(spec, f))
      ports_in(key, *service, f, out);
}

void proxy_state::ports_in(const service_key& key, const api::v1::service& service, ip_family f,
                           service_table& out) const {
  const auto& spec = service.spec;
  for (const auto& p : spec.ports) {
    service_port port;
    port.family = f;
    const auto proto = p.protocol.empty() ? std::string{"TCP"} : p.protocol;
    port.proto = protocol_of(proto);
    port.cluster_ips =
        only(spec.cluster_ips.empty() ? std::vector{spec.cluster_ip} : spec.cluster_ips, f);
    port.port = static_cast<uint16_t>(p.port);
    port.node_port = static_cast<uint16_t>(p.node_port.value_or(0));
    port.external_ips = only(spec.external_ips, f);
    if (service.status.load_balancer)
      for (const auto& ingress : service.status.load_balancer->ingress)
        if (parse_address(ingress.ip, f) && ingress.ip_mode != "Proxy")
          port.balancer_ips.push_back(ingress.ip);
    port.external_ips.insert(port.external_ips.end(), port.balancer_ips.begin(),
                             port.balancer_ips.end());
    port.source_ranges = source_ranges_of(service);
    port.health_port = static_cast<uint16_t>(spec.health_check_node_port.value_or(0));
    if (spec.session_affinity == "ClientIP") {
      port.affinity_seconds = default_affinity_seconds;
      if (spec.session_affinity_config && spec.session_affinity_config->client_ip)
        port.affinity_seconds =
            static_cast<uint32_t>(spec.session_affinity_config->client_ip->timeout_seconds.value_or(
                default_affinity_seconds));
    }
    port.internal_local = spec.internal_traffic_policy == "Local";
    port.external_local = spec.external_traffic_policy == "Local";
    topology hints{node_, zone_};
    for (const auto& [name, slice] : known_.slices(key))
      add_endpoints(*api::typed<api::v1::endpoint_slice>(*slice), p.name, proto, node_, port,
                    hints);
    hints.apply(port);
    out[{key.first, key.second, p.name, f}] = std::move(port);
  }
}

health_answers proxy_state::health() const {
  health_answers res;
  for (const auto& [name, port] : programmed_) {
    if (port.health_port == 0)
      continue;
    std::set<std::string> local;
    for (const auto& e : port.endpoints)
      if (e.node_local && e.ready)
        local.insert(e.ip);
    auto& answer = res[port.health_port];
    answer.ns = name.ns;
    answer.service = name.service;
    answer.local_endpoints = std::max(answer.local_endpoints, local.size());
  }
  return res;
}

void proxy_state::apply_node(const api::watch_event& e) {
  if (e.object->name() != node_ || e.kind == api::event_kind::deleted)
    return;
  const auto* zone = api::find_label(e.object->labels(), "topology.kubernetes.io/zone");
  const auto now = zone ? *zone : std::string{};
  if (std::exchange(zone_, now) != now)
    known_.touch_all();
}

void proxy_state::apply_service_cidr(const api::watch_event& e) {
  if (e.kind == api::event_kind::deleted)
    cidrs_.erase(e.object->name());
  else
    cidrs_[e.object->name()] = api::typed<api::v1::service_cidr>(*e.object)->spec.cidrs;
}

std::vector<std::string> proxy_state::service_cidrs() const {
  auto all = own_cidrs_;
  for (const auto& [name, cidrs] : cidrs_)
    all.insert(all.end(), cidrs.begin(), cidrs.end());
  std::vector<std::string> res;
  for (const auto f : both_families) {
    const auto widest = widest_ranges(all, f);
    res.insert(res.end(), widest.begin(), widest.end());
  }
  return res;
}

service_table proxy_state::table() {
  known_.take_changed();
  programmed_.clear();
  for (const auto& [key, object] : known_.services())
    ports_of(key, programmed_);
  return programmed_;
}

service_changes proxy_state::take_changes() {
  service_changes res;
  for (const auto& key : known_.take_changed()) {
    service_table now;
    ports_of(key, now);
    auto i = programmed_.lower_bound({key.first, key.second, ""});
    while (i != programmed_.end() && i->first.ns == key.first && i->first.service == key.second) {
      if (now.contains(i->first)) {
        ++i;
        continue;
      }
      res[i->first] = std::nullopt;
      i = programmed_.erase(i);
    }
    for (auto& [name, port] : now) {
      auto& known = programmed_[name];
      if (known == port && !port.cluster_ips.empty())
        continue;
      known = port;
      res[name] = std::move(port);
    }
  }
  return res;
}

} // namespace thespis::proxy
