#include "actors/controllers/service_pods.hpp"

#include "actors/controllers/selectors.hpp"

#include <algorithm>

namespace thespis::actors {

bool finds_pods(const api::v1::service& s) {
  return !s.spec.selector.empty() && s.spec.type != "ExternalName";
}

bool is_headless(const api::v1::service& s) {
  return s.spec.cluster_ip == "None";
}

key_mapper services_of_pod() {
  return [](const api::object& o, const api::object_ptr& previous, const view& v) {
    std::vector<object_id> res;
    for (const auto& s : v.list<api::v1::service>(o.ns())) {
      if (!finds_pods(*s))
        continue;
      const auto selector = selector_of(s->spec.selector);
      if (selector.matches(o.labels()) || (previous && selector.matches(previous->labels())))
        res.push_back({o.ns(), s.object->name()});
    }
    return res;
  };
}

std::vector<observed_pod> pods_behind(const observed<api::v1::service>& s, const view& v,
                                      bool with_terminating) {
  std::vector<object_id> ids;
  const auto selector = selector_of(s->spec.selector);
  v.for_each("pods", s.object->ns(), [&](const api::object_ptr& o) {
    if (selector.matches(o->labels()) && (with_terminating || !o->meta().deleting))
      ids.push_back({o->ns(), o->name()});
  });
  std::vector<observed_pod> res;
  for (const auto& id : ids) {
    auto p = v.get<api::v1::pod>(id.ns, id.name);
    const auto& status = p->status;
    if (status.phase != "Succeeded" && status.phase != "Failed" &&
        (!status.pod_ip.empty() || !status.pod_ips.empty()))
      res.push_back(std::move(p));
  }
  return res;
}

std::optional<int32_t> target_port(const api::v1::service_port& port, const api::v1::pod& p) {
  if (!port.target_port)
    return port.port;
  if (port.target_port->is_int())
    return port.target_port->as_int() == 0 ? port.port : port.target_port->as_int();
  const auto find_in = [&](const auto& containers, auto counts) -> std::optional<int32_t> {
    for (const auto& c : containers)
      if (counts(c))
        for (const auto& candidate : c.ports)
          if (candidate.name == port.target_port->as_string() &&
              candidate.protocol == port.protocol)
            return candidate.container_port;
    return std::nullopt;
  };
  if (auto res = find_in(p.spec.containers, [](const auto&) { return true; }))
    return res;
  // Init containers that run along with the others serve, too.
  return find_in(p.spec.init_containers,
                 [](const auto& c) { return c.restart_policy == "Always"; });
}

std::string published_hostname(const api::v1::service& s, const api::v1::pod& p) {
  return p.spec.subdomain == s.metadata.name ? p.spec.hostname : std::string{};
}

api::v1::object_reference reference_to(const api::v1::pod& p) {
  api::v1::object_reference res;
  res.kind = "Pod";
  res.namespace_ = p.metadata.namespace_;
  res.name = p.metadata.name;
  res.uid = p.metadata.uid;
  return res;
}

} // namespace thespis::actors
